-- ?1 version, ?2 name, ?3 checksum, ?4 applied at
INSERT INTO annals_migrations (version, name, checksum, applied_at) VALUES (?1, ?2, ?3, ?4)
