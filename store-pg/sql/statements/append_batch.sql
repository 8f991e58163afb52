-- $1 streams, $2 expected, $3 keys, $4 fingerprints, $5 counts; of each event $6 its append,
-- $7 its place in it, $8 id, $9 type, $10 schema version, $11 slice, $12 occurred at, $13 payload,
-- $14 metadata; $15 now, $16 whether there are keys, $17 whom to notify
SELECT head, recorded_at, before
FROM annals.append_batch($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)
