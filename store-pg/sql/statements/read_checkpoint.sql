-- $1 name
SELECT position FROM annals.checkpoints WHERE name = $1
