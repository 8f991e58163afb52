-- ?1 key
SELECT stream, version_before, version_after, position, recorded_at, fingerprint, refusal
FROM annals_commands WHERE key = ?1
