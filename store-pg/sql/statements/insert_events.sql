-- $1 positions, $2 streams, $3 versions, $4 ids, $5 types, $6 schema versions, $7 slices,
-- $8 recorded at, $9 occurred at, $10 payloads, $11 metadata
INSERT INTO annals.events (position, stream, version, id, type, schema_version, slice, recorded_at,
                           occurred_at, payload, metadata)
SELECT e.position, e.stream, e.version, e.id, e.type, e.schema_version, e.slice, $8, e.occurred_at,
       e.payload, e.metadata
FROM unnest($1, $2, $3, $4, $5, $6, $7, $9, $10, $11)
  AS e (position, stream, version, id, type, schema_version, slice, occurred_at, payload, metadata)
