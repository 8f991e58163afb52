-- $1 stream, $2 first version, $3 last version, $4 how many
SELECT {event_columns}
FROM annals.events WHERE stream = $1 AND version BETWEEN $2 AND $3 ORDER BY version DESC LIMIT $4
