-- Writes the whole log back and empties it; 1 if readers or writers prevented that.
PRAGMA wal_checkpoint(TRUNCATE)
