-- $1 key, $2 stream, $3 version before, $4 version after, $5 position, $6 recorded at
INSERT INTO annals.commands (key, stream, version_before, version_after, position, recorded_at)
VALUES ($1, $2, $3, $4, $5, $6)
