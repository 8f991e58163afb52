-- $1 streams, $2 expected, $3 keys, $4 counts; of each event $5 its append, $6 its place in it,
-- $7 id, $8 type, $9 schema version, $10 slice, $11 occurred at, $12 payload, $13 metadata;
-- $14 now, $15 whether there are keys, $16 whom to notify
SELECT head, recorded_at, before
FROM annals.append_batch($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)
