-- $1 name
DELETE FROM annals.checkpoints WHERE name = $1
