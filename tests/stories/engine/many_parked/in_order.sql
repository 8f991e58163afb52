-- How many events of the account were counted, and how many before one that stands further ahead.
SELECT count(*), count(*) FILTER (WHERE position < before)
FROM (SELECT seen.position, lag(seen.position) OVER (ORDER BY seen.xmin::text::bigint, seen.position) AS before
      FROM annals.seen__1 AS seen JOIN annals.events USING (position)
      WHERE events.stream = 'account-1') AS steps
