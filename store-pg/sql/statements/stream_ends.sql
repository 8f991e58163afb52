-- $1 streams
SELECT last.version, last.position
FROM unnest($1) WITH ORDINALITY AS s (stream, no)
LEFT JOIN LATERAL (
    SELECT e.version, e.position FROM annals.events e
    WHERE e.stream = s.stream ORDER BY e.version DESC LIMIT 1
) last ON true
ORDER BY s.no
