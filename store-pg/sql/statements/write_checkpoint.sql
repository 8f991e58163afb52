-- $1 name, $2 position
INSERT INTO annals.checkpoints (name, position) VALUES ($1, $2)
ON CONFLICT (name) DO UPDATE SET position = excluded.position
