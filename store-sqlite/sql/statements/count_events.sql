-- How many events there are, and in how many streams they are not numbered from 1 without a hole.
SELECT coalesce(sum(events), 0), coalesce(sum(events <> last OR first <> 1), 0)
FROM (SELECT count(*) AS events, min(version) AS first, max(version) AS last
      FROM annals_events GROUP BY stream)
