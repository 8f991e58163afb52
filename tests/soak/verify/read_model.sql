-- How many rows differ from what the log says, either way.
SELECT count(*)
FROM annals.tallies AS row
FULL JOIN (SELECT stream, count(*) AS events, sum((payload ->> 'n')::int) AS numbers,
                  max(position) AS last
           FROM annals.events GROUP BY stream) AS replay USING (stream)
WHERE (row.events, row.numbers, row.last) IS DISTINCT FROM (replay.events, replay.numbers, replay.last);
