-- $1 age in seconds. Who has had a transaction open for so long, oldest first; then transactions that
-- were prepared and never ended.
(SELECT a.pid, coalesce(a.application_name, ''), coalesce(a.usename::text, ''),
        coalesce(a.state, ''), coalesce(host(a.client_addr), ''),
        extract(epoch FROM clock_timestamp() - a.xact_start)::float8 AS age
 FROM pg_stat_activity a
 WHERE a.datname = current_database() AND a.pid <> pg_backend_pid()
   AND a.xact_start < clock_timestamp() - make_interval(secs => $1)
   AND coalesce(a.backend_type, '') NOT LIKE 'autovacuum%'
 ORDER BY a.xact_start LIMIT 20)
UNION ALL
(SELECT 0, p.gid, p.owner::text, 'prepared', '',
        extract(epoch FROM clock_timestamp() - p.prepared)::float8
 FROM pg_prepared_xacts p
 WHERE p.database = current_database() AND p.prepared < clock_timestamp() - make_interval(secs => $1)
 ORDER BY p.prepared LIMIT 20)
