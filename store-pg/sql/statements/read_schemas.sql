SELECT type, version, family, schema FROM annals.schemas ORDER BY type, version
