-- $1 schema, $2 name
-- Who has been using a table or a view for longest.
SELECT format('process %s (application `%s`, for %s s)', l.pid, a.application_name,
    round(extract(epoch FROM clock_timestamp() - a.xact_start)::numeric, 1))
FROM pg_namespace n
JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = $2
JOIN pg_locks l ON l.relation = c.oid
    AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
JOIN pg_stat_activity a ON a.pid = l.pid
WHERE n.nspname = $1 AND l.granted AND l.pid <> pg_backend_pid()
ORDER BY a.xact_start
LIMIT 1
