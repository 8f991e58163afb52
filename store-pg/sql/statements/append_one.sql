-- $1 stream, $2 expected, $3 key, $4 id, $5 type, $6 schema version, $7 slice, $8 occurred at,
-- $9 payload, $10 metadata, $11 now, $12 whom to notify
SELECT head, recorded_at, before
FROM annals.append_one($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
