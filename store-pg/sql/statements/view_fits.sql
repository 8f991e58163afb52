-- $1 schema, $2 view, $3 table
-- Whether the columns of a view are the first of a table, so that the one can be replaced by a view of
-- the other.
SELECT NOT EXISTS (
    SELECT FROM pg_attribute shown
    WHERE shown.attrelid = v.oid AND shown.attnum > 0 AND NOT EXISTS (
        SELECT FROM pg_attribute kept
        WHERE kept.attrelid = t.oid AND kept.attnum = shown.attnum AND kept.attname = shown.attname
          AND kept.atttypid = shown.atttypid AND kept.atttypmod = shown.atttypmod
          AND kept.attcollation = shown.attcollation AND NOT kept.attisdropped))
FROM pg_namespace n
JOIN pg_class v ON v.relnamespace = n.oid AND v.relname = $2
JOIN pg_class t ON t.relnamespace = n.oid AND t.relname = $3
WHERE n.nspname = $1
