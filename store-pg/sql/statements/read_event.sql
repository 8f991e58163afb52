-- $1 id
SELECT {event_columns}
FROM annals.events WHERE id = $1
