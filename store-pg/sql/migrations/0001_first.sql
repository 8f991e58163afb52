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

-- How far each consumer has got.
CREATE TABLE annals.checkpoints (
    name     text   COLLATE "C" PRIMARY KEY,
    position bigint NOT NULL
) WITH (fillfactor = 50);

-- Who may work on what. A released lease keeps its row, so that tokens only grow.
CREATE TABLE annals.leases (
    name       text        COLLATE "C" PRIMARY KEY,
    holder     text        NOT NULL,
    token      bigint      NOT NULL,
    expires_at timestamptz NOT NULL,
    released   boolean     NOT NULL
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
