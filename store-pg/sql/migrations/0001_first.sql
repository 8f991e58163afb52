-- The first schema: the log, and everything that is kept beside it. `annals.` stands for the schema
-- that the options name.

-- Every event, by its position in the global order. Whoever appends has an advisory lock until its
-- commit, so positions become visible in their order (I2). The payload is JSON as it came: `json`, not
-- `jsonb`, which would take it apart and reorder it.
--
-- Columns of fixed width stand first, and what is read most before what is read least: so most are
-- found without walking through the row.
CREATE TABLE annals.events (
    position       bigint      PRIMARY KEY,
    version        bigint      NOT NULL,
    recorded_at    timestamptz NOT NULL,
    occurred_at    timestamptz NOT NULL,
    id             uuid        NOT NULL,
    schema_version integer     NOT NULL,
    slice          smallint    NOT NULL,
    type           text        COLLATE "C" NOT NULL,
    payload        json        NOT NULL,
    stream         text        COLLATE "C" NOT NULL,
    -- Source, correlation, causation, trace, actor and free pairs as one object; null when there
    -- are none.
    metadata       json
);
CREATE UNIQUE INDEX events_by_stream ON annals.events (stream, version);
CREATE UNIQUE INDEX events_by_id ON annals.events (id);

-- History is append-only (I3).
CREATE FUNCTION annals.refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'history is append-only: % on % is refused', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER events_refuse_change BEFORE UPDATE OR DELETE OR TRUNCATE ON annals.events
FOR EACH STATEMENT EXECUTE FUNCTION annals.refuse();
-- Also for sessions that switch ordinary triggers off.
ALTER TABLE annals.events ENABLE ALWAYS TRIGGER events_refuse_change;

-- What commands with an idempotency key did. The fingerprint, 32 bytes, tells the command from
-- another that comes with its key; a refusal that is to be remembered stands here in its words.
CREATE TABLE annals.commands (
    key            text        COLLATE "C" PRIMARY KEY,
    stream         text        COLLATE "C" NOT NULL,
    version_before bigint      NOT NULL,
    version_after  bigint      NOT NULL,
    position       bigint      NOT NULL,
    recorded_at    timestamptz NOT NULL,
    fingerprint    bytea,
    refusal        text
);
CREATE INDEX commands_by_time ON annals.commands (recorded_at);

-- The JSON Schema of every version of every event type.
CREATE TABLE annals.schemas (
    type    text    COLLATE "C" NOT NULL,
    version integer NOT NULL,
    family  text,
    schema  text    NOT NULL,
    PRIMARY KEY (type, version)
);

-- Folded states, one for each stream and type of state. The shape is a fingerprint of what it was
-- folded with. A cache: it may be emptied at any time.
CREATE TABLE annals.snapshots (
    stream   text   COLLATE "C" NOT NULL,
    state    text   COLLATE "C" NOT NULL,
    version  bigint NOT NULL,
    position bigint NOT NULL,
    shape    bigint NOT NULL,
    content  json   NOT NULL,
    PRIMARY KEY (stream, state)
);

-- How far each consumer has got. Whoever takes a checkpoint over gets a larger token, and whoever comes
-- with an older one is refused.
CREATE TABLE annals.checkpoints (
    name     text   COLLATE "C" PRIMARY KEY,
    position bigint NOT NULL,
    token    bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 50);

-- Texts that components keep under a key, such as the state of projections.
CREATE TABLE annals.state (
    key   text COLLATE "C" PRIMARY KEY,
    value text NOT NULL
);

-- The log as people want to read it.
CREATE VIEW annals.history AS
SELECT position, stream, version, type, schema_version, recorded_at, occurred_at, payload,
       metadata ->> 'actor' AS actor, metadata ->> 'correlation_id' AS correlation_id,
       metadata ->> 'causation_id' AS causation_id, metadata ->> 'source' AS source, id
FROM annals.events;

-- Tells texts of any length apart, for the unique indexes of read models: an index entry has to fit on
-- a page. The encoding of a database never changes, which makes it immutable.
CREATE FUNCTION annals.text_key(whole text) RETURNS bytea
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
AS $$ SELECT sha256(convert_to(whole, 'UTF8')) $$;

-- Everything that follows the log is a consumer: projections, handlers, subscribers. What they keep
-- about themselves stands in the tables from here on, for people too. They have their prefix in every
-- database, so that they are called alike; indexes are sorted as queries sort, nulls first.

-- The consumers, as whoever runs them has declared them last.
CREATE TABLE annals.annals_consumers (
    name       text        COLLATE "C" PRIMARY KEY,
    kind       text        COLLATE "C" NOT NULL,
    version    bigint                  NOT NULL,
    generation bigint                  NOT NULL,
    -- Into how many it is cut.
    partitions bigint                  NOT NULL,
    -- Whether a key that fails is parked, the consumer stops, or the event is skipped.
    on_failure text        COLLATE "C" NOT NULL,
    paused     boolean                 NOT NULL,
    paused_by  text        COLLATE "C",
    -- Where its events come from, when that is not the log.
    origin     text        COLLATE "C",
    changed_at timestamptz             NOT NULL
) WITH (fillfactor = 50);

-- The processes that run them. One that is not heard of until `expires_at` counts as dead.
CREATE TABLE annals.annals_members (
    id         uuid                    PRIMARY KEY,
    label      text        COLLATE "C" NOT NULL,
    -- Its consumers and their versions, as one JSON object.
    consumers  json                    NOT NULL,
    stopping   boolean                 NOT NULL,
    started_at timestamptz             NOT NULL,
    seen_at    timestamptz             NOT NULL,
    expires_at timestamptz             NOT NULL
) WITH (fillfactor = 50);

-- Who works on which part of which consumer. How far it has got stands in its checkpoint,
-- `consumer/<consumer>/<generation>/<epoch>/<part>`.
CREATE TABLE annals.annals_partitions (
    consumer    text        COLLATE "C" NOT NULL,
    generation  bigint                  NOT NULL,
    epoch       bigint                  NOT NULL,
    part        bigint                  NOT NULL,
    version     bigint                  NOT NULL,
    first_slice bigint                  NOT NULL,
    end_slice   bigint                  NOT NULL,
    begins_at   bigint                  NOT NULL,
    -- Null until it is cut anew.
    ends_at     bigint,
    -- A member; null while it is nobody's.
    owner       uuid,
    token       bigint                  NOT NULL,
    state       text        COLLATE "C" NOT NULL,
    reason      text        COLLATE "C",
    changed_at  timestamptz             NOT NULL,
    PRIMARY KEY (consumer, generation, epoch, part)
) WITH (fillfactor = 50);

-- Keys whose events wait, because one of them failed.
CREATE TABLE annals.annals_parked_keys (
    consumer     text        COLLATE "C" NOT NULL,
    generation   bigint                  NOT NULL,
    key          text        COLLATE "C" NOT NULL,
    slice        bigint                  NOT NULL,
    position     bigint                  NOT NULL,
    event_type   text        COLLATE "C" NOT NULL,
    reason       text        COLLATE "C" NOT NULL,
    attempts     bigint                  NOT NULL,
    since        timestamptz             NOT NULL,
    -- Null when a person must act first.
    next_attempt timestamptz,
    -- Who wants it thrown away, and why.
    discarded_by text        COLLATE "C",
    -- Whether the key goes on without what waits.
    skipped      boolean                 NOT NULL,
    PRIMARY KEY (consumer, generation, key)
) WITH (fillfactor = 80);
CREATE INDEX annals_parked_keys_by_attempt ON annals.annals_parked_keys (next_attempt NULLS FIRST);

-- The events that wait behind them, in their order.
CREATE TABLE annals.annals_parked_items (
    consumer   text   COLLATE "C" NOT NULL,
    generation bigint             NOT NULL,
    key        text   COLLATE "C" NOT NULL,
    position   bigint             NOT NULL,
    -- JSON; null where it can be read again from the log.
    body       json,
    PRIMARY KEY (consumer, generation, key, position)
) WITH (fillfactor = 80);

-- Messages that have had their effect, so that it is not had twice.
CREATE TABLE annals.annals_inbox (
    consumer   text        COLLATE "C" NOT NULL,
    -- 0 for what belongs to none.
    generation bigint                  NOT NULL,
    source     text        COLLATE "C" NOT NULL,
    -- Of a message, or the stream whose messages come in order.
    id         text        COLLATE "C" NOT NULL,
    -- The last one of the stream; 0 for a single message.
    version    bigint                  NOT NULL,
    seen_at    timestamptz             NOT NULL,
    PRIMARY KEY (consumer, generation, source, id)
) WITH (fillfactor = 80);
CREATE INDEX annals_inbox_by_time ON annals.annals_inbox (seen_at NULLS FIRST);

-- What is to happen at a time.
CREATE TABLE annals.annals_timers (
    consumer text        COLLATE "C" NOT NULL,
    key      text        COLLATE "C" NOT NULL,
    due_at   timestamptz             NOT NULL,
    body     json                    NOT NULL,
    set_at   timestamptz             NOT NULL,
    PRIMARY KEY (consumer, key)
) WITH (fillfactor = 80);
CREATE INDEX annals_timers_by_due ON annals.annals_timers (consumer NULLS FIRST, due_at NULLS FIRST);

-- What people want of whoever runs the consumers, and what came of it.
CREATE TABLE annals.annals_requests (
    id          uuid                    PRIMARY KEY,
    consumer    text        COLLATE "C" NOT NULL,
    verb        text        COLLATE "C" NOT NULL,
    arguments   json                    NOT NULL,
    who         text        COLLATE "C" NOT NULL,
    why         text        COLLATE "C" NOT NULL,
    asked_at    timestamptz             NOT NULL,
    state       text        COLLATE "C" NOT NULL,
    -- A member.
    taken_by    uuid,
    answer      text        COLLATE "C",
    answered_at timestamptz
) WITH (fillfactor = 80);
CREATE INDEX annals_requests_by_state ON annals.annals_requests (state NULLS FIRST, asked_at NULLS FIRST);
