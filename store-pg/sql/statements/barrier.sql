-- $1 an event of each batch that waits. Its own commit is waited for, and with it everything that can
-- be seen here; a server that broke since the batch may have forgotten it, and then it cannot be seen.
SELECT set_config('synchronous_commit', 'on', true),
       pg_logical_emit_message(true, 'annals', '')::text,
       ARRAY (SELECT e.id FROM annals.events e WHERE e.id = ANY ($1))
