-- The indexes and triggers there are.
SELECT name FROM sqlite_schema WHERE type IN ('index', 'trigger') AND name LIKE 'annals!_%' ESCAPE '!'
