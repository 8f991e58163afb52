-- ?1 the position of the last event
UPDATE annals_log SET head = ?1
