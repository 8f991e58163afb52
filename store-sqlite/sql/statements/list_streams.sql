-- ?1 behind this name, ?2 before this name, ?3 how many. Goes from name to name by the index, however
-- long the streams are.
WITH RECURSIVE names (stream, nth) AS (
    SELECT min(stream), 1 FROM annals_events WHERE stream > ?1 AND stream < ?2
    UNION ALL
    SELECT (SELECT min(e.stream) FROM annals_events e WHERE e.stream > names.stream AND e.stream < ?2),
           nth + 1
    FROM names WHERE names.stream IS NOT NULL AND nth < ?3
)
SELECT e.stream, e.version, e.position, e.recorded_at
FROM names CROSS JOIN annals_events e
WHERE e.stream = names.stream
  AND e.version = (SELECT max(l.version) FROM annals_events l WHERE l.stream = names.stream)
