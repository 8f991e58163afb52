-- ?1 position, ?2 stream, ?3 version, ?4 id, ?5 type, ?6 schema version, ?7 slice,
-- ?8 recorded at, ?9 occurred at, ?10 payload, ?11 metadata
INSERT INTO annals_events (
    position, stream, version, id, type, schema_version, slice, recorded_at, occurred_at,
    payload, metadata
) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)
