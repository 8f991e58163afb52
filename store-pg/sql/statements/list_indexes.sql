-- $1 schema. The indexes of all tables, and whether they can be used.
SELECT c.relname::text, i.indisvalid AND i.indisready
FROM pg_index i
JOIN pg_class c ON c.oid = i.indexrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = $1
