-- ?1 stream, ?2 after this version, ?3 up to this version, ?4 how many. With the position, so that a short
-- stream takes one statement.
SELECT version, type, schema_version, payload, position
FROM annals_events WHERE stream = ?1 AND version > ?2 AND version <= ?3 ORDER BY version LIMIT ?4
