-- $1 schema. The triggers that guard events, and how they are switched: `A` is always on.
SELECT t.tgname::text, t.tgenabled::text
FROM pg_trigger t
JOIN pg_class c ON c.oid = t.tgrelid AND c.relname = 'events'
JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname = $1
WHERE NOT t.tgisinternal
