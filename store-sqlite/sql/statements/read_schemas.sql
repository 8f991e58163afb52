SELECT type, version, family, schema FROM annals_schemas ORDER BY type, version
