-- $1 keys
SELECT key, stream, version_before, version_after, position, recorded_at, fingerprint, refusal
FROM annals.commands WHERE key = ANY ($1)
