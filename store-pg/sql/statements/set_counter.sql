-- $1 position
UPDATE annals.counter SET position = $1 WHERE one
