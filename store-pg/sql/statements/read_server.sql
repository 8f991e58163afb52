-- What the server is set to, and what matters of it here.
SELECT current_setting('server_version_num')::integer, current_setting('autovacuum') = 'on',
       current_setting('track_counts') = 'on', current_setting('fsync') = 'on',
       current_setting('full_page_writes') = 'on', current_setting('synchronous_commit'),
       pg_is_in_recovery(), age(d.datfrozenxid)::bigint, pg_database_size(d.oid),
       pg_has_role(current_user, 'pg_read_all_stats', 'USAGE')
FROM pg_database d WHERE d.datname = current_database()
