-- ?1 name. A new token for whoever takes it over.
INSERT INTO annals_checkpoints (name, position, token) VALUES (?1, 0, 1)
ON CONFLICT (name) DO UPDATE SET token = token + 1
RETURNING token, position
