-- ?1 the position of the last event
-- Naming the row spares SQLite a temporary table of the rows that the trigger is to see.
UPDATE annals_log SET head = ?1 WHERE only_row = 1
