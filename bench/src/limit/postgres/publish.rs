//! `publish`: reads the log in pages, sends each with so many messages under way at once, and notes how far it
//! is when a page is confirmed.

use annals::Uuid;
use tokio_postgres::{Client, Statement};

use super::database::{Json, connect};
use crate::Failure;
use crate::limit::brokers::Sealed;
use crate::measure::{Measured, Stopwatch};
use crate::task::{Task, history};

/// How many events are read at once.
const PAGE: i64 = 1_000;

const READ: &str = r#"
    SELECT position, id, stream, version, to_char(recorded_at AT TIME ZONE 'UTC',
        'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), payload
    FROM events WHERE position > $1 ORDER BY position LIMIT $2"#;

const CHECKPOINT: &str = "
    INSERT INTO checkpoint (name, position) VALUES ('movements', $1)
    ON CONFLICT (name) DO UPDATE SET position = excluded.position";

pub(super) async fn measure(task: &Task) -> Result<Measured, Failure> {
    let (accounts, each) = history(task);
    let (reader, writer) = (connect(task).await?, connect(task).await?);
    let (read, note) =
        tokio::try_join!(reader.prepare(READ), async { writer.prepare(CHECKPOINT).await })?;
    let mut broker = task.by_hand().await?;
    let watch = Stopwatch::start()?;
    let (mut position, mut page) = read_page(&reader, &read, 0).await?;
    while !page.is_empty() {
        // The next page comes while this one is sent.
        let send = broker.send(std::mem::take(&mut page));
        let (next, ()) = tokio::try_join!(read_page(&reader, &read, position), send)?;
        writer.execute(&note, &[&position]).await?;
        (position, page) = next;
    }
    let measured = watch.stop(accounts * each)?;
    task.check_messages(accounts * each).await?;
    Ok(measured)
}

/// The last position, and the messages.
async fn read_page(
    client: &Client,
    read: &Statement,
    after: i64,
) -> Result<(i64, Vec<Sealed>), Failure> {
    let rows = client.query(read, &[&after, &PAGE]).await?;
    let last = rows.last().map_or(Ok(after), |row| row.try_get(0))?;
    let messages = rows.iter().map(|row| {
        let (id, version): (Uuid, i64) = (row.try_get(1)?, row.try_get(3)?);
        let data = row.try_get::<_, Json<'_>>(5)?.0;
        Sealed::new(id, row.try_get(2)?, version.unsigned_abs(), row.try_get(4)?, data)
    });
    Ok((last, messages.collect::<Result<_, Failure>>()?))
}
