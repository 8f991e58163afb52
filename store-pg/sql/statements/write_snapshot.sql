-- $1 stream, $2 version, $3 position, $4 schema version, $5 state
INSERT INTO annals.snapshots AS kept (stream, version, position, schema_version, state)
VALUES ($1, $2, $3, $4, $5::text::json)
ON CONFLICT (stream) DO UPDATE SET
    version = excluded.version, position = excluded.position,
    schema_version = excluded.schema_version, state = excluded.state
WHERE excluded.version >= kept.version OR excluded.schema_version <> kept.schema_version
