-- $1 stream, $2 after this version, $3 up to this version. Versions are dense, so they need not be
-- sent; nor is schema version 1, which most events have.
SELECT type, nullif(schema_version, 1), payload, position
FROM annals.events WHERE stream = $1 AND version > $2 AND version <= $3 ORDER BY version
