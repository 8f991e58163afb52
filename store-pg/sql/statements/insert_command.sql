-- $1 key, $2 stream, $3 version before, $4 version after, $5 position, $6 recorded at,
-- $7 fingerprint, $8 refusal
INSERT INTO annals.commands (key, stream, version_before, version_after, position, recorded_at,
                             fingerprint, refusal)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
