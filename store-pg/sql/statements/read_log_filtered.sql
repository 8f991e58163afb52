-- $1 after this position, $2 up to this position, $3 how many, $4 types, $5 categories,
-- $6 first slice, $7 slice behind the last. The head as in `read_log`.
--
-- Inside CASE the filter is taken to admit every second event. Written plainly, without statistics,
-- it is taken to admit next to none, and then all positions up to $2 are fetched and sorted.
SELECT {event_columns}, h.head
FROM (SELECT (SELECT position FROM annals.events ORDER BY position DESC LIMIT 1) AS head) h
LEFT JOIN (
    SELECT * FROM annals.events
    WHERE position > $1 AND position <= $2
      AND CASE WHEN ($4::text[] IS NULL OR type = ANY ($4))
                AND ($5::text[] IS NULL OR split_part(stream, '-', 1) = ANY ($5))
                AND slice >= $6 AND slice < $7 THEN true ELSE false END
    ORDER BY position LIMIT $3
) e ON true
