-- ?1 name
SELECT type FROM sqlite_schema WHERE name = ?1
