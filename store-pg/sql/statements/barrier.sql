-- Its own commit is waited for, and with it everything that was committed before.
SELECT set_config('synchronous_commit', 'on', true),
       pg_logical_emit_message(true, 'annals', '')::text
