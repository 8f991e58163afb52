-- $1 stream, $2 after this version, $3 up to this version
SELECT version, position, type, schema_version, payload
FROM annals.events WHERE stream = $1 AND version > $2 AND version <= $3 ORDER BY version
