-- $1 streams, $2 positions. At which version each stream stood before its position.
SELECT coalesce((SELECT e.version FROM annals.events e
                 WHERE e.stream = s.stream AND e.position < s.before
                 ORDER BY e.version DESC LIMIT 1), 0)
FROM unnest($1, $2) WITH ORDINALITY AS s (stream, before, no)
ORDER BY s.no
