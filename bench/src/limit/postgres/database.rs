//! The tables, a connection, and the statements that several works share.

use std::error::Error;
use std::pin::pin;

use annals::Uuid;
use futures_util::TryStreamExt;
use tokio_postgres::types::{FromSql, Type};
use tokio_postgres::{Client, Statement};

use crate::Failure;
use crate::domain::{Account, Movement};
use crate::place::Target;
use crate::schema;
use crate::task::Task;

/// What an event store needs: a global order, streams whose versions are unique, ids that are.
const TABLES: &str = r#"
    CREATE TABLE events (
        position    bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        stream      text        NOT NULL,
        version     bigint      NOT NULL,
        id          uuid        NOT NULL,
        type        text        NOT NULL,
        recorded_at timestamptz NOT NULL DEFAULT now(),
        payload     json        NOT NULL
    );
    CREATE UNIQUE INDEX by_stream ON events (stream, version);
    CREATE UNIQUE INDEX by_id ON events (id);
    CREATE TABLE balances (
        account   uuid   PRIMARY KEY,
        cents     bigint NOT NULL,
        movements bigint NOT NULL
    );
    CREATE TABLE inbox (
        account uuid   PRIMARY KEY,
        version bigint NOT NULL
    );
    CREATE TABLE checkpoint (
        name     text   PRIMARY KEY,
        position bigint NOT NULL
    );
    CREATE TABLE timers (
        key    text        COLLATE "C" PRIMARY KEY,
        due_at timestamptz NOT NULL,
        body   json        NOT NULL,
        set_at timestamptz NOT NULL DEFAULT now()
    );
    CREATE INDEX by_due ON timers (due_at);"#;

const INSERT: &str = "
    INSERT INTO events (stream, version, id, type, payload)
    VALUES ($1, $2, $3, 'account.moved', $4::text::json)";

const READ_STREAM: &str = "SELECT payload FROM events WHERE stream = $1 ORDER BY version";

/// The database and the schema of a task.
pub(super) fn place(task: &Task) -> Result<(&str, &str), Failure> {
    match &task.target {
        Target::Postgres { url, schema } => Ok((url, schema)),
        other => Err(format!("{other:?} is not a PostgreSQL database").into()),
    }
}

/// A connection that finds the tables of this task.
pub(super) async fn connect(task: &Task) -> Result<Client, Failure> {
    let (url, schema) = place(task)?;
    let client = schema::connect(url).await?;
    client.batch_execute(&format!("SET search_path TO {schema}")).await?;
    Ok(client)
}

pub(super) async fn make_tables(client: &Client) -> Result<(), Failure> {
    Ok(client.batch_execute(TABLES).await?)
}

/// Whether the rows follow from so many events of so many accounts.
pub(super) async fn check(client: &Client, accounts: u64, each: u64) -> Result<(), Failure> {
    let count = "SELECT count(*), sum(movements)::bigint FROM balances";
    let row = client.query_one(count, &[]).await?;
    let (rows, movements): (i64, i64) = (row.try_get(0)?, row.try_get(1)?);
    if rows.unsigned_abs() != accounts || movements.unsigned_abs() != accounts * each {
        return Err(format!("{rows} rows from {movements} events").into());
    }
    Ok(())
}

pub(super) fn stream(account: Uuid) -> String {
    format!("account-{account}")
}

/// Appends events, one a commit. That a stream is not at the version is noticed by the index.
pub(super) struct Insert(Statement);

impl Insert {
    pub(super) async fn new(client: &Client) -> Result<Self, Failure> {
        Ok(Self(client.prepare(INSERT).await?))
    }

    pub(super) async fn event(
        &self,
        client: &Client,
        stream: &str,
        version: u64,
        movement: &Movement,
    ) -> Result<(), Failure> {
        let payload = serde_json::to_string(movement)?;
        let (version, id) = (version as i64, Uuid::now_v7());
        client.execute(&self.0, &[&stream, &version, &id, &payload]).await?;
        Ok(())
    }
}

/// Folds accounts from their streams.
pub(super) struct Fold(Statement);

impl Fold {
    pub(super) async fn new(client: &Client) -> Result<Self, Failure> {
        Ok(Self(client.prepare(READ_STREAM).await?))
    }

    pub(super) async fn account(&self, client: &Client, stream: &str) -> Result<Account, Failure> {
        let mut account = Account::default();
        let mut rows = pin!(client.query_raw(&self.0, [stream]).await?);
        while let Some(row) = rows.try_next().await? {
            account.take_in(&serde_json::from_str(row.try_get::<_, Json<'_>>(0)?.0)?);
        }
        Ok(account)
    }
}

/// JSON as the text it is on its way.
pub(super) struct Json<'a>(pub(super) &'a str);

impl<'a> FromSql<'a> for Json<'a> {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(Self(std::str::from_utf8(raw)?))
    }

    fn accepts(kind: &Type) -> bool {
        *kind == Type::JSON
    }
}
