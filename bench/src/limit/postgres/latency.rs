//! `latency`: one process appends and notifies; another one listens, folds what is new into the
//! rows, commits them with the checkpoint, and reads the row.

use std::collections::HashMap;
use std::time::Duration;

use annals::Uuid;
use futures_util::TryStreamExt;
use futures_util::stream::poll_fn;
use tokio::sync::mpsc::{Receiver, channel};
use tokio_postgres::{AsyncMessage, Client, NoTls};

use super::database::{Json, connect, place, stream};
use crate::Failure;
use crate::domain::{Movement, account};
use crate::measure::{Measured, Stopwatch};
use crate::schema::config;
use crate::task::{LATENCY_ACCOUNTS, LATENCY_PACE, Task};

/// The notification leaves with the commit.
const INSERT: &str = "
    WITH event AS (
        INSERT INTO events (stream, version, id, type, payload)
        VALUES ($1, $2, $3, 'account.moved', $4::text::json)
    )
    SELECT pg_notify($5, '')";

const READ: &str = "
    SELECT position, stream, payload FROM events WHERE position > $1 ORDER BY position";

const WRITE: &str = "
    WITH reached AS (
        INSERT INTO checkpoint (name, position) VALUES ('balances', $1)
        ON CONFLICT (name) DO UPDATE SET position = excluded.position
    )
    INSERT INTO balances (account, cents, movements)
    SELECT * FROM unnest($2::uuid[], $3::bigint[], $4::bigint[])
    ON CONFLICT (account) DO UPDATE
    SET cents = balances.cents + excluded.cents,
        movements = balances.movements + excluded.movements";

const LOOK: &str = "SELECT movements FROM balances WHERE account = $1";

/// The process that appends: when each append began.
pub(super) async fn append(task: &Task) -> Result<Measured, Failure> {
    let client = connect(task).await?;
    let insert = client.prepare(INSERT).await?;
    let (_, channel) = place(task)?;
    let mut watch = Stopwatch::start()?;
    let mut pace = tokio::time::interval(LATENCY_PACE);
    for n in 0..task.events {
        pace.tick().await;
        watch.stamp()?;
        let stream = stream(account(n % LATENCY_ACCOUNTS));
        let (version, id) = ((n / LATENCY_ACCOUNTS + 1) as i64, Uuid::now_v7());
        let payload = serde_json::to_string(&Movement::number(n))?;
        client.query(&insert, &[&stream, &version, &id, &payload, &channel]).await?;
    }
    watch.stop(task.events)
}

/// The process that projects: when each row was seen.
pub(super) async fn project(task: &Task) -> Result<Measured, Failure> {
    let (_listening, mut notifications) = listen(task).await?;
    let client = connect(task).await?;
    let (read, write, look) =
        tokio::try_join!(client.prepare(READ), client.prepare(WRITE), client.prepare(LOOK))?;
    let mut watch = Stopwatch::start()?;
    let mut position: i64 = 0;
    while position.unsigned_abs() < task.events {
        let next = tokio::time::timeout(Duration::from_secs(60), notifications.recv()).await;
        next.map_err(|_| "nothing was appended for a minute")?.ok_or("the listener has ended")?;
        let mut rows: HashMap<Uuid, (i64, i64)> = HashMap::new();
        let mut seen = Vec::new();
        for row in client.query(&read, &[&position]).await? {
            position = row.try_get(0)?;
            let stream: &str = row.try_get(1)?;
            let id = stream.strip_prefix("account-").ok_or("a stream of another category")?;
            let id: Uuid = id.parse()?;
            let movement: Movement = serde_json::from_str(row.try_get::<_, Json<'_>>(2)?.0)?;
            let (cents, movements) = rows.entry(id).or_default();
            *cents += movement.cents;
            *movements += 1;
            seen.push((id, position.unsigned_abs() - 1));
        }
        let accounts: Vec<Uuid> = rows.keys().copied().collect();
        let (cents, movements): (Vec<i64>, Vec<i64>) = rows.into_values().unzip();
        client.execute(&write, &[&position, &accounts, &cents, &movements]).await?;
        for (id, n) in seen {
            let movements: i64 = client.query_one(&look, &[&id]).await?.try_get(0)?;
            watch.stamp()?;
            if movements.unsigned_abs() < n / LATENCY_ACCOUNTS + 1 {
                return Err(format!("append {n} is not in the row that was read after it").into());
            }
        }
    }
    watch.stop(task.events)
}

/// A connection of its own that does nothing but listen, as long as its client is kept. Several
/// notifications that nobody has taken yet are one.
async fn listen(task: &Task) -> Result<(Client, Receiver<()>), Failure> {
    let (url, schema) = place(task)?;
    let (client, mut connection) = config(url)?.connect(NoTls).await?;
    let (notify, notified) = channel(1);
    tokio::spawn(async move {
        let mut messages = poll_fn(move |context| connection.poll_message(context));
        while let Ok(Some(message)) = messages.try_next().await {
            if matches!(message, AsyncMessage::Notification(_)) {
                _ = notify.try_send(());
            }
        }
    });
    client.batch_execute(&format!("LISTEN {schema}")).await?;
    Ok((client, notified))
}
