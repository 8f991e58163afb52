-- ?1 stream, ?2 after this version, ?3 up to this version. Without what only the last event is asked
-- for: each column costs.
SELECT version, type, schema_version, payload
FROM annals_events WHERE stream = ?1 AND version > ?2 AND version <= ?3 ORDER BY version
