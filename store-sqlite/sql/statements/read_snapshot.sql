-- ?1 stream
SELECT version, position, schema_version, state FROM annals_snapshots WHERE stream = ?1
