-- Its own commit is waited for, and with it every commit that this session has made or seen.
SELECT set_config('synchronous_commit', 'on', true),
       pg_logical_emit_message(true, 'annals', '')::text
