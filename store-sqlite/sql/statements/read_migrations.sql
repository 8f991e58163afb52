SELECT version, checksum FROM annals_migrations ORDER BY version
