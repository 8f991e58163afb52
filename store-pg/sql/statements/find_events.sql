-- $1 ids
SELECT id, position, stream, version, recorded_at FROM annals.events WHERE id = ANY ($1)
