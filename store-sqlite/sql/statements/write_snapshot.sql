-- ?1 stream, ?2 the state's name, ?3 version, ?4 position, ?5 shape, ?6 content
INSERT INTO annals_snapshots (stream, state, version, position, shape, content)
VALUES (?1, ?2, ?3, ?4, ?5, ?6)
ON CONFLICT (stream, state) DO UPDATE SET
    version = excluded.version, position = excluded.position, shape = excluded.shape,
    content = excluded.content
WHERE excluded.version >= annals_snapshots.version OR excluded.shape <> annals_snapshots.shape
