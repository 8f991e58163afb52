-- ?1 stream, ?2 version, ?3 position, ?4 schema version, ?5 state
INSERT INTO annals_snapshots (stream, version, position, schema_version, state)
VALUES (?1, ?2, ?3, ?4, ?5)
ON CONFLICT (stream) DO UPDATE SET
    version = excluded.version, position = excluded.position,
    schema_version = excluded.schema_version, state = excluded.state
WHERE excluded.version >= annals_snapshots.version
   OR excluded.schema_version <> annals_snapshots.schema_version
