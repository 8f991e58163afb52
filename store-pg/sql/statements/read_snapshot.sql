-- $1 stream
SELECT version, position, schema_version, state FROM annals.snapshots WHERE stream = $1
