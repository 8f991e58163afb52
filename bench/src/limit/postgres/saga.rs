//! `saga`, `saga-continue` and `open`: each worker has the instances of its slice. It reads pages of the log on
//! one connection, the next while the last is written on another: all its instances by one statement, and then
//! steps, commands, timers and the checkpoint in one transaction, whose statements are sent at once.

use std::collections::HashMap;

use annals::{Timestamp, Uuid};
use futures_util::future::{join, join5};
use tokio::task::JoinSet;
use tokio_postgres::{Client, Statement};

use super::database::{Json, connect};
use super::history::copy_of;
use crate::Failure;
use crate::flows::Flows;
use crate::limit::step::{Instance, PAGE, SENT, STEPPED, Timers, Told, stream_of};
use crate::measure::{Measured, Stopwatch};
use crate::task::Task;

const HEAD: &str = "SELECT coalesce(max(position), 0) FROM events";

/// $1 after, $2 how many, $3 workers, $4 which of them.
const READ: &str = "
    SELECT position, id, stream, version, recorded_at, payload FROM events
    WHERE position > $1 AND type = 'account.moved'
      AND (hashtext(stream) & 2147483647) % $3::int = $4::int
    ORDER BY position LIMIT $2";

const READ_INSTANCES: &str = "
    SELECT stream, type, payload FROM events WHERE stream = ANY($1) ORDER BY stream, version";

const REACHED: &str = "SELECT position FROM checkpoint WHERE name = $1";

const CHECKPOINT: &str = "
    INSERT INTO checkpoint (name, position) VALUES ($1, $2)
    ON CONFLICT (name) DO UPDATE SET position = excluded.position";

const TIMERS: &str = "
    INSERT INTO timers (key, due_at, body)
    SELECT key, due_at, body::json FROM unnest($1::text[], $2::timestamptz[], $3::text[])
        AS timer (key, due_at, body)
    ON CONFLICT (key) DO UPDATE
    SET due_at = excluded.due_at, body = excluded.body, set_at = excluded.set_at";

/// Until the commit nobody else gives positions away, so that none is seen before a smaller one.
const LOCK: &str = "SELECT pg_advisory_xact_lock(hashtextextended(current_schema(), 0))::text";

/// The index refuses a version that is there.
const APPEND: &str = "
    INSERT INTO events (position, stream, version, id, type, payload) OVERRIDING SYSTEM VALUE
    SELECT (SELECT coalesce(max(position), 0) FROM events) + n, stream, version, id, type, payload::json
    FROM unnest($1::text[], $2::bigint[], $3::uuid[], $4::text[], $5::text[]) WITH ORDINALITY
        AS event (stream, version, id, type, payload, n)";

/// The sequence has given no position away to steps.
const GO_ON: &str = "
    SELECT setval(pg_get_serial_sequence('events', 'position'), (SELECT max(position) FROM events))";

/// Opens the instances that are to be there, and brings the events that are told afterwards.
pub(super) async fn prepare(client: &Client, task: &Task) -> Result<(), Failure> {
    let flows = Flows::of(task);
    if flows.open == 0 {
        return Ok(());
    }
    // Rows that were copied have no statistics yet.
    client.batch_execute("ANALYZE events").await?;
    follow_all(Worker::connect_all(task).await?).await?;
    client.batch_execute(GO_ON).await?;
    copy_of(client, flows.told(), |n| flows.place(n)).await
}

pub(super) async fn measure(task: &Task) -> Result<Measured, Failure> {
    let flows = Flows::of(task);
    let workers = Worker::connect_all(task).await?;
    let watch = Stopwatch::start()?;
    let told = follow_all(workers).await?;
    let measured = watch.stop(told)?;
    let count = "SELECT count(*) FROM timers WHERE key LIKE '%/confirmed'";
    let open: i64 = connect(task).await?.query_one(count, &[]).await?.try_get(0)?;
    if told != flows.told() || open.unsigned_abs() != flows.open_at_last() {
        return Err(format!("{told} events were told, {open} instances are open").into());
    }
    Ok(measured)
}

/// Takes in all that is there. Returns how many events were told.
async fn follow_all(workers: Vec<Worker>) -> Result<u64, Failure> {
    let mut following = JoinSet::new();
    for worker in workers {
        following.spawn(async move { worker.follow().await });
    }
    let mut all = 0;
    while let Some(told) = following.join_next().await {
        all += told??;
    }
    Ok(all)
}

struct Worker {
    /// Of so many.
    workers: i32,
    /// From 0.
    number: i32,
    name: String,
    reader: Client,
    head: Statement,
    read: Statement,
    writer: Client,
    read_instances: Statement,
    timers: Statement,
    checkpoint: Statement,
    lock: Statement,
    append: Statement,
}

/// What was read of the log, and how far it reaches.
struct Page {
    events: Vec<Told>,
    reaches: i64,
}

/// The columns of the events that are appended.
#[derive(Default)]
struct Columns {
    streams: Vec<String>,
    versions: Vec<i64>,
    ids: Vec<Uuid>,
    types: Vec<&'static str>,
    payloads: Vec<String>,
}

impl Worker {
    async fn connect_all(task: &Task) -> Result<Vec<Self>, Failure> {
        let mut workers = Vec::new();
        for number in 0..task.workers {
            workers.push(Self::connect(task, number).await?);
        }
        Ok(workers)
    }

    async fn connect(task: &Task, number: u64) -> Result<Self, Failure> {
        let (reader, writer) = (connect(task).await?, connect(task).await?);
        Ok(Self {
            workers: i32::try_from(task.workers)?,
            number: i32::try_from(number)?,
            name: format!("confirmations/{number}"),
            head: reader.prepare(HEAD).await?,
            read: reader.prepare(READ).await?,
            read_instances: writer.prepare(READ_INSTANCES).await?,
            timers: writer.prepare(TIMERS).await?,
            checkpoint: writer.prepare(CHECKPOINT).await?,
            lock: writer.prepare(LOCK).await?,
            append: writer.prepare(APPEND).await?,
            reader,
            writer,
        })
    }

    /// Takes in all that is there. Returns how many events were told.
    async fn follow(&self) -> Result<u64, Failure> {
        let reached = self.writer.query_opt(REACHED, &[&self.name]).await?;
        let reached = reached.map_or(Ok(0), |row| row.try_get(0))?;
        let mut page = self.read_page(reached).await?;
        let mut told = 0;
        while !page.events.is_empty() {
            told += page.events.len() as u64;
            // The next page comes while this one is written.
            let next = self.read_page(page.reaches);
            (page, _) = tokio::try_join!(next, self.take_page(&page))?;
        }
        self.writer.execute(&self.checkpoint, &[&self.name, &page.reaches]).await?;
        Ok(told)
    }

    async fn read_page(&self, after: i64) -> Result<Page, Failure> {
        let most = PAGE as i64;
        // Polled, and so sent, in this order: what comes between both is read.
        let (head, rows) = join(
            self.reader.query_one(&self.head, &[]),
            self.reader.query(&self.read, &[&after, &most, &self.workers, &self.number]),
        )
        .await;
        let (head, rows): (i64, _) = (head?.try_get(0)?, rows?);
        let events = rows.iter().map(|row| {
            Ok(Told {
                position: row.try_get::<_, i64>(0)?.unsigned_abs(),
                id: row.try_get(1)?,
                stream: row.try_get(2)?,
                version: row.try_get::<_, i64>(3)?.unsigned_abs(),
                at: row.try_get::<_, Timestamp>(4)?,
                movement: serde_json::from_str(row.try_get::<_, Json<'_>>(5)?.0)?,
            })
        });
        let events = events.collect::<Result<Vec<_>, Failure>>()?;
        let last = events.last().map_or(after, |told| told.position as i64);
        // Behind a page that is not full comes nothing else.
        let reaches = if events.len() as u64 == PAGE { last } else { last.max(head) };
        Ok(Page { events, reaches })
    }

    /// Lets the instances take their steps, and writes them.
    async fn take_page(&self, page: &Page) -> Result<(), Failure> {
        let mut instances = self.read_instances(page).await?;
        let (mut columns, mut timers) = (Columns::default(), Timers::new());
        for told in &page.events {
            let instance = instances.entry(stream_of(&told.stream)).or_default();
            let written = instance.take(told, &mut timers)?;
            columns.push(&written.stream, written.version, STEPPED, written.stepped);
            columns.push(&written.stream, written.version + 1, SENT, written.sent);
        }
        let (mut keys, mut times, mut bodies) = (Vec::new(), Vec::new(), Vec::new());
        for (key, timer) in timers {
            keys.push(key);
            times.push(timer.due_at);
            bodies.push(timer.body);
        }
        let Columns { streams, versions, ids, types, payloads } = columns;
        let writer = &self.writer;
        // Polled, and so sent, in this order. If something cannot be written, the commit rolls back.
        let (begun, (timers, checkpoint, locked, appended, committed)) = join(
            writer.batch_execute("BEGIN"),
            join5(
                writer.execute(&self.timers, &[&keys, &times, &bodies]),
                writer.execute(&self.checkpoint, &[&self.name, &page.reaches]),
                writer.query_one(&self.lock, &[]),
                writer.execute(&self.append, &[&streams, &versions, &ids, &types, &payloads]),
                writer.batch_execute("COMMIT"),
            ),
        )
        .await;
        begun?;
        timers?;
        checkpoint?;
        locked?;
        appended?;
        Ok(committed?)
    }

    async fn read_instances(&self, page: &Page) -> Result<HashMap<String, Instance>, Failure> {
        let streams: Vec<String> = page.events.iter().map(|told| stream_of(&told.stream)).collect();
        let mut instances: HashMap<String, Instance> = HashMap::new();
        for row in self.writer.query(&self.read_instances, &[&streams]).await? {
            let instance = instances.entry(row.try_get(0)?).or_default();
            instance.fold(row.try_get(1)?, row.try_get::<_, Json<'_>>(2)?.0)?;
        }
        Ok(instances)
    }
}

impl Columns {
    fn push(&mut self, stream: &str, version: u64, event_type: &'static str, payload: String) {
        self.streams.push(stream.to_owned());
        self.versions.push(version as i64);
        self.ids.push(Uuid::now_v7());
        self.types.push(event_type);
        self.payloads.push(payload);
    }
}
