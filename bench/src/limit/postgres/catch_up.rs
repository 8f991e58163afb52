//! `catch-up`: reads the log in pages on one connection, and runs one statement an event on another, so
//! many at once as a pipeline; a page and the checkpoint commit together.

use annals::Uuid;
use futures_util::TryStreamExt;
use futures_util::stream::FuturesOrdered;
use tokio_postgres::{Client, Statement};

use super::database::{Json, check, connect};
use crate::Failure;
use crate::domain::Movement;
use crate::measure::{Measured, Stopwatch};
use crate::task::{Task, history};

/// How many events a transaction has.
const PAGE: i64 = 20_000;

/// How many statements are under way at once.
const PIPELINE: usize = 256;

const READ: &str = "
    SELECT position, stream, payload FROM events WHERE position > $1 ORDER BY position LIMIT $2";

const MOVE: &str = "
    INSERT INTO balances AS balance (account, cents, movements) VALUES ($1, $2, 1)
    ON CONFLICT (account) DO UPDATE
    SET cents = balance.cents + excluded.cents, movements = balance.movements + 1";

const CHECKPOINT: &str = "
    INSERT INTO checkpoint (name, position) VALUES ('balances', $1)
    ON CONFLICT (name) DO UPDATE SET position = excluded.position";

pub(super) async fn measure(task: &Task) -> Result<Measured, Failure> {
    let (accounts, each) = history(task);
    let (reader, writer) = (connect(task).await?, connect(task).await?);
    let read = reader.prepare(READ).await?;
    let write = writer.prepare(MOVE).await?;
    let watch = Stopwatch::start()?;
    let mut page = read_page(&reader, &read, 0).await?;
    while let Some(&(position, ..)) = page.last() {
        // The next page comes while this one is written.
        let written = write_page(&writer, &write, page, position);
        (page, _) = tokio::try_join!(read_page(&reader, &read, position), written)?;
    }
    let measured = watch.stop(accounts * each)?;
    check(&reader, accounts, each).await?;
    Ok(measured)
}

async fn read_page(
    client: &Client,
    read: &Statement,
    after: i64,
) -> Result<Vec<(i64, Uuid, i64)>, Failure> {
    let rows = client.query(read, &[&after, &PAGE]).await?;
    let events = rows.iter().map(|row| {
        let stream: &str = row.try_get(1)?;
        let id = stream.strip_prefix("account-").ok_or("a stream of another category")?;
        let movement: Movement = serde_json::from_str(row.try_get::<_, Json<'_>>(2)?.0)?;
        Ok((row.try_get(0)?, id.parse()?, movement.cents))
    });
    events.collect()
}

async fn write_page(
    client: &Client,
    write: &Statement,
    page: Vec<(i64, Uuid, i64)>,
    position: i64,
) -> Result<(), Failure> {
    client.batch_execute("BEGIN").await?;
    let mut under_way = FuturesOrdered::new();
    for (_, account, cents) in page {
        if under_way.len() >= PIPELINE {
            under_way.try_next().await?;
        }
        under_way.push_back(async move { client.execute(write, &[&account, &cents]).await });
    }
    while under_way.try_next().await?.is_some() {}
    client.execute(CHECKPOINT, &[&position]).await?;
    Ok(client.batch_execute("COMMIT").await?)
}
