-- $1 name. Until the transaction ends, nobody else moves it.
SELECT position FROM annals.checkpoints WHERE name = $1 FOR UPDATE
