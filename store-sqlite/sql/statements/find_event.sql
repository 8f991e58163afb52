-- ?1 id
SELECT position, stream, version, recorded_at, type, payload FROM annals_events WHERE id = ?1
