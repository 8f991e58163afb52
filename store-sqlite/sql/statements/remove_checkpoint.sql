-- ?1 name
DELETE FROM annals_checkpoints WHERE name = ?1
