-- ?1 name
SELECT position FROM annals_checkpoints WHERE name = ?1
