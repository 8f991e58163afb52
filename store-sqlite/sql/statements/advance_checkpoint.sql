-- ?1 name, ?2 token, ?3 where it must stand, ?4 where it goes
UPDATE annals_checkpoints SET position = ?4 WHERE name = ?1 AND token = ?2 AND position = ?3
