-- $1 schema, $2 view
-- What others than its owner may do with a view, as statements.
SELECT string_agg(
    format('GRANT %s ON %I.%I TO %s%s', g.privilege_type, n.nspname, c.relname,
        CASE g.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(g.grantee)) END,
        CASE WHEN g.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END),
    '; ')
FROM pg_namespace n
JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = $2
CROSS JOIN aclexplode(c.relacl) g
WHERE n.nspname = $1 AND g.grantee <> c.relowner
