SELECT version, checksum FROM annals.migrations ORDER BY version
