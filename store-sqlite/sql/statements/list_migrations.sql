SELECT version, name, checksum, applied_at FROM annals_migrations ORDER BY version
