-- ?1 stream, ?2 version, ?3 id, ?4 type, ?5 schema version, ?6 slice, ?7 recorded at,
-- ?8 occurred at, ?9 payload, ?10 metadata. The position is the largest there is plus one.
INSERT OR FAIL INTO annals_events (
    stream, version, id, type, schema_version, slice, recorded_at, occurred_at, payload, metadata
) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
