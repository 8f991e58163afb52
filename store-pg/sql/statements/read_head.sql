SELECT coalesce((SELECT position FROM annals.events ORDER BY position DESC LIMIT 1), 0)
