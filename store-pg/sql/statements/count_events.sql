-- How many events there are, the position of the last, and in how many streams they are not numbered
-- from 1 without a hole.
SELECT coalesce(sum(events), 0)::bigint, coalesce(max(head), 0),
       count(*) FILTER (WHERE events <> last OR first <> 1)
FROM (SELECT count(*) AS events, min(version) AS first, max(version) AS last, max(position) AS head
      FROM annals.events GROUP BY stream) s
