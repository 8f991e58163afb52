-- $1 schema, $2 table
SELECT indexname::text FROM pg_indexes WHERE schemaname = $1 AND tablename = $2
