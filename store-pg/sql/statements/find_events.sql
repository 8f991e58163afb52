-- $1 ids
SELECT id, position, stream, version, recorded_at, type, payload
FROM annals.events WHERE id = ANY ($1)
