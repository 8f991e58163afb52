-- A writer numbers the events of one stream in one append from 0: how many lack a neighbour.
SELECT count(*)
FROM (SELECT (payload ->> 'n')::int AS n, (payload ->> 'of')::int AS of, payload ->> 'by' AS by,
             lead((payload ->> 'n')::int) OVER w AS next_n,
             lead(payload ->> 'by') OVER w AS next_by,
             lag((payload ->> 'n')::int) OVER w AS last_n,
             lag(payload ->> 'by') OVER w AS last_by
      FROM annals.events
      WINDOW w AS (ORDER BY position)) AS beside
WHERE (n > 0 AND (last_n, last_by) IS DISTINCT FROM (n - 1, by))
   OR (n < of - 1 AND (next_n, next_by) IS DISTINCT FROM (n + 1, by));
