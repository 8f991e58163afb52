-- ?1 after this position, ?2 up to this position
SELECT position, stream, version, id, type, schema_version, recorded_at, occurred_at, payload,
       metadata, slice
FROM annals_events WHERE position > ?1 AND position <= ?2 ORDER BY position
