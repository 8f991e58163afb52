-- ?1 after this position, ?2 up to this position
SELECT {event_columns}, slice
FROM annals_events WHERE position > ?1 AND position <= ?2 ORDER BY position
