-- The first schema: the log, and everything that is kept beside it.

-- Every event, by its position in the global order. Nothing is ever removed, so the largest position
-- is the counter that hands out the next. Times are microseconds since 1970, UTC.
CREATE TABLE annals_events (
    position       INTEGER PRIMARY KEY CHECK (position > 0),
    stream         TEXT    NOT NULL,
    version        INTEGER NOT NULL,
    id             BLOB    NOT NULL,
    type           TEXT    NOT NULL,
    schema_version INTEGER NOT NULL,
    slice          INTEGER NOT NULL,
    recorded_at    INTEGER NOT NULL,
    occurred_at    INTEGER NOT NULL,
    payload        TEXT    NOT NULL,
    -- Source, correlation, causation, trace, actor and free pairs as one JSON object; null when
    -- there are none, so that reading an event looks at one column and not at six.
    metadata       TEXT
) STRICT;
CREATE UNIQUE INDEX annals_events_by_stream ON annals_events (stream, version);
CREATE UNIQUE INDEX annals_events_by_id ON annals_events (id);

-- History is append-only (I3), and nothing appears below what a reader has seen (I2).
CREATE TRIGGER annals_events_refuse_update BEFORE UPDATE ON annals_events
BEGIN SELECT RAISE(ABORT, 'history is append-only: an event cannot be changed'); END;
CREATE TRIGGER annals_events_refuse_delete BEFORE DELETE ON annals_events
BEGIN SELECT RAISE(ABORT, 'history is append-only: an event cannot be removed'); END;
-- Positions are dense, and INSERT OR REPLACE must not remove what a delete could not. Where the
-- database picks the position, which is the next one, NEW.position is -1 here. FAIL, because ABORT
-- would make every insert keep a copy of the pages that it is going to change.
CREATE TRIGGER annals_events_refuse_past BEFORE INSERT ON annals_events
WHEN NEW.position NOT IN (-1, 1 + (SELECT coalesce(max(position), 0) FROM annals_events))
  OR EXISTS (SELECT 1 FROM annals_events WHERE id = NEW.id)
  OR EXISTS (SELECT 1 FROM annals_events WHERE stream = NEW.stream AND version = NEW.version)
BEGIN SELECT RAISE(FAIL, 'history is append-only: an event comes after all others'); END;

-- The log as people want to read it.
CREATE VIEW annals_history AS
SELECT position, stream, version, type, schema_version,
       strftime('%Y-%m-%d %H:%M:%f', recorded_at / 1000000.0, 'unixepoch') AS recorded_at,
       strftime('%Y-%m-%d %H:%M:%f', occurred_at / 1000000.0, 'unixepoch') AS occurred_at,
       payload, metadata ->> 'actor' AS actor, metadata ->> 'correlation_id' AS correlation_id,
       metadata ->> 'causation_id' AS causation_id, metadata ->> 'source' AS source,
       lower(hex(id)) AS id
FROM annals_events;

-- What commands with an idempotency key did. The fingerprint, 32 bytes, tells the command from
-- another that comes with its key; a refusal that is to be remembered stands here in its words.
CREATE TABLE annals_commands (
    key            TEXT PRIMARY KEY,
    stream         TEXT    NOT NULL,
    version_before INTEGER NOT NULL,
    version_after  INTEGER NOT NULL,
    position       INTEGER NOT NULL,
    recorded_at    INTEGER NOT NULL,
    fingerprint    BLOB,
    refusal        TEXT
) STRICT, WITHOUT ROWID;
CREATE INDEX annals_commands_by_time ON annals_commands (recorded_at);

-- The JSON Schema of every version of every event type.
CREATE TABLE annals_schemas (
    type    TEXT    NOT NULL,
    version INTEGER NOT NULL,
    family  TEXT,
    schema  TEXT    NOT NULL,
    PRIMARY KEY (type, version)
) STRICT, WITHOUT ROWID;

-- Folded states, one for each stream and type of state. The shape is a fingerprint of what it was
-- folded with. A cache: it may be emptied at any time.
CREATE TABLE annals_snapshots (
    stream   TEXT    NOT NULL,
    state    TEXT    NOT NULL,
    version  INTEGER NOT NULL,
    position INTEGER NOT NULL,
    shape    INTEGER NOT NULL,
    content  TEXT    NOT NULL,
    PRIMARY KEY (stream, state)
) STRICT, WITHOUT ROWID;

-- How far each consumer has got. Whoever takes a checkpoint over gets a larger token, and whoever comes
-- with an older one is refused.
CREATE TABLE annals_checkpoints (
    name     TEXT PRIMARY KEY,
    position INTEGER NOT NULL,
    token    INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;

-- Texts that components keep under a key, such as the state of projections.
CREATE TABLE annals_state (
    key   TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Everything that follows the log is a consumer: projections, handlers, subscribers. What they keep
-- about themselves stands in the tables from here on, for people too. Times are text, as in read models.

-- The consumers, as whoever runs them has declared them last.
CREATE TABLE annals_consumers (
    name       TEXT PRIMARY KEY,
    kind       TEXT    NOT NULL,
    version    INTEGER NOT NULL,
    generation INTEGER NOT NULL,
    -- Into how many it is cut.
    partitions INTEGER NOT NULL,
    -- Whether a key that fails is parked, the consumer stops, or the event is skipped.
    on_failure TEXT    NOT NULL,
    paused     INTEGER NOT NULL,
    paused_by  TEXT,
    -- Where its events come from, when that is not the log.
    origin     TEXT,
    changed_at TEXT    NOT NULL
) STRICT, WITHOUT ROWID;

-- The processes that run them. One that is not heard of until `expires_at` counts as dead.
CREATE TABLE annals_members (
    id         TEXT PRIMARY KEY,
    label      TEXT    NOT NULL,
    -- Its consumers and their versions, as one JSON object.
    consumers  TEXT    NOT NULL,
    stopping   INTEGER NOT NULL,
    started_at TEXT    NOT NULL,
    seen_at    TEXT    NOT NULL,
    expires_at TEXT    NOT NULL
) STRICT, WITHOUT ROWID;

-- Who works on which part of which consumer. How far it has got stands in its checkpoint,
-- `consumer/<consumer>/<generation>/<epoch>/<part>`.
CREATE TABLE annals_partitions (
    consumer    TEXT    NOT NULL,
    generation  INTEGER NOT NULL,
    epoch       INTEGER NOT NULL,
    part        INTEGER NOT NULL,
    version     INTEGER NOT NULL,
    first_slice INTEGER NOT NULL,
    end_slice   INTEGER NOT NULL,
    begins_at   INTEGER NOT NULL,
    -- Null until it is cut anew.
    ends_at     INTEGER,
    -- A member; null while it is nobody's.
    owner       TEXT,
    token       INTEGER NOT NULL,
    state       TEXT    NOT NULL,
    reason      TEXT,
    changed_at  TEXT    NOT NULL,
    PRIMARY KEY (consumer, generation, epoch, part)
) STRICT, WITHOUT ROWID;

-- Keys whose events wait, because one of them failed.
CREATE TABLE annals_parked_keys (
    consumer     TEXT    NOT NULL,
    generation   INTEGER NOT NULL,
    key          TEXT    NOT NULL,
    slice        INTEGER NOT NULL,
    position     INTEGER NOT NULL,
    event_type   TEXT    NOT NULL,
    reason       TEXT    NOT NULL,
    attempts     INTEGER NOT NULL,
    since        TEXT    NOT NULL,
    -- Null when a person must act first.
    next_attempt TEXT,
    -- Who wants it thrown away, and why.
    discarded_by TEXT,
    -- Whether the key goes on without what waits.
    skipped      INTEGER NOT NULL,
    PRIMARY KEY (consumer, generation, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX annals_parked_keys_by_attempt ON annals_parked_keys (next_attempt);

-- The events that wait behind them, in their order.
CREATE TABLE annals_parked_items (
    consumer   TEXT    NOT NULL,
    generation INTEGER NOT NULL,
    key        TEXT    NOT NULL,
    position   INTEGER NOT NULL,
    -- JSON; null where it can be read again from the log.
    body       TEXT,
    PRIMARY KEY (consumer, generation, key, position)
) STRICT, WITHOUT ROWID;

-- Messages that have had their effect, so that it is not had twice.
CREATE TABLE annals_inbox (
    consumer   TEXT NOT NULL,
    -- 0 for what belongs to none.
    generation INTEGER NOT NULL,
    source     TEXT NOT NULL,
    -- Of a message, or the stream whose messages come in order.
    id         TEXT NOT NULL,
    -- The last one of the stream; 0 for a single message.
    version    INTEGER NOT NULL,
    seen_at    TEXT NOT NULL,
    PRIMARY KEY (consumer, generation, source, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX annals_inbox_by_time ON annals_inbox (seen_at);

-- What is to happen at a time.
CREATE TABLE annals_timers (
    consumer TEXT NOT NULL,
    key      TEXT NOT NULL,
    due_at   TEXT NOT NULL,
    body     TEXT NOT NULL,
    set_at   TEXT NOT NULL,
    PRIMARY KEY (consumer, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX annals_timers_by_due ON annals_timers (consumer, due_at);

-- What people want of whoever runs the consumers, and what came of it.
CREATE TABLE annals_requests (
    id          TEXT PRIMARY KEY,
    consumer    TEXT NOT NULL,
    verb        TEXT NOT NULL,
    arguments   TEXT NOT NULL,
    who         TEXT NOT NULL,
    why         TEXT NOT NULL,
    asked_at    TEXT NOT NULL,
    state       TEXT NOT NULL,
    -- A member.
    taken_by    TEXT,
    answer      TEXT,
    answered_at TEXT
) STRICT, WITHOUT ROWID;
CREATE INDEX annals_requests_by_state ON annals_requests (state, asked_at);
