-- ?1 stream, ?2 the state's name
SELECT version, position, shape, content FROM annals_snapshots WHERE stream = ?1 AND state = ?2
