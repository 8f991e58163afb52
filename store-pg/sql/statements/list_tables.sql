-- $1 schema. How large tables are, what is dead in them, and when somebody looked after them.
SELECT s.relname::text, s.n_live_tup, s.n_dead_tup, s.n_mod_since_analyze,
       greatest(s.last_vacuum, s.last_autovacuum), greatest(s.last_analyze, s.last_autoanalyze),
       pg_total_relation_size(s.relid),
       coalesce((SELECT o.option_value = 'false' FROM pg_options_to_table(c.reloptions) o
                 WHERE o.option_name = 'autovacuum_enabled'), false)
FROM pg_stat_user_tables s JOIN pg_class c ON c.oid = s.relid
WHERE s.schemaname = $1 ORDER BY pg_total_relation_size(s.relid) DESC, s.relname
