-- ?1 key
SELECT value FROM annals_state WHERE key = ?1
