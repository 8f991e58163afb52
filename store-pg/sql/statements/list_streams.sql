-- $1 behind this name, $2 before this name, $3 how many. Goes from name to name by the index, however
-- long the streams are.
WITH RECURSIVE names AS (
    (SELECT stream, 1::bigint AS nth FROM annals.events
     WHERE stream > $1 AND stream < $2 ORDER BY stream LIMIT 1)
    UNION ALL
    SELECT next.stream, names.nth + 1
    FROM names CROSS JOIN LATERAL (
        SELECT e.stream FROM annals.events e
        WHERE e.stream > names.stream AND e.stream < $2 ORDER BY e.stream LIMIT 1
    ) next
    WHERE names.nth < $3
)
SELECT last.stream, last.version, last.position, last.recorded_at
FROM names CROSS JOIN LATERAL (
    SELECT e.stream, e.version, e.position, e.recorded_at FROM annals.events e
    WHERE e.stream = names.stream ORDER BY e.version DESC LIMIT 1
) last
