-- Who has the counter locked: the transaction that is about to change the row, or has it locked.
SELECT a.pid, coalesce(a.application_name, ''),
       extract(epoch FROM clock_timestamp() - a.xact_start)::float8
FROM annals.counter c
JOIN pg_locks l ON l.locktype = 'transactionid' AND l.transactionid = c.xmax AND l.granted
JOIN pg_stat_activity a ON a.pid = l.pid
