-- $1 key
SELECT value FROM annals.state WHERE key = $1
