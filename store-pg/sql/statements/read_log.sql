-- $1 after this position, $2 up to this position, $3 how many. The head comes from the same
-- snapshot, null for an empty log, and in a row of its own when there is no event.
SELECT {event_columns}, h.head
FROM (SELECT (SELECT position FROM annals.events ORDER BY position DESC LIMIT 1) AS head) h
LEFT JOIN (
    SELECT * FROM annals.events WHERE position > $1 AND position <= $2 ORDER BY position LIMIT $3
) e ON true
