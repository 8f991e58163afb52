-- $1 now, or null for the server's clock. Where the log ends, and when what follows is recorded: not
-- before what is there. Right behind `lock_log`, so that it sees what was committed meanwhile.
SELECT coalesce(last.position, 0),
       greatest(coalesce($1, clock_timestamp()), last.recorded_at)
FROM (SELECT 1) AS always LEFT JOIN (
    SELECT position, recorded_at FROM annals.events ORDER BY position DESC LIMIT 1
) AS last ON true
