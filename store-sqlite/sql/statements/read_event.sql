-- ?1 id
SELECT {event_columns}
FROM annals_events WHERE id = ?1
