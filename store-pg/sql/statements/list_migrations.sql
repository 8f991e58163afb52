SELECT version, name, checksum, applied_at FROM annals.migrations ORDER BY version
