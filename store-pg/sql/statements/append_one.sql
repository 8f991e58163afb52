-- $1 stream, $2 expected, $3 key, $4 fingerprint, $5 id, $6 type, $7 schema version, $8 slice,
-- $9 occurred at, $10 payload, $11 metadata, $12 now, $13 whom to notify
SELECT head, recorded_at, before
FROM annals.append_one($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
