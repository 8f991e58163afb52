SELECT name, token, position FROM annals.story_of_checkpoints ORDER BY n
