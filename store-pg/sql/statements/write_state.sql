-- $1 key, $2 value
INSERT INTO annals.state (key, value) VALUES ($1, $2)
ON CONFLICT (key) DO UPDATE SET value = excluded.value
