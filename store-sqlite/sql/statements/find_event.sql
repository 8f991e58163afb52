-- ?1 id
SELECT position, stream, version, recorded_at FROM annals_events WHERE id = ?1
