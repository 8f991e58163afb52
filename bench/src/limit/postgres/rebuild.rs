//! `rebuild`: one connection copies the log out, page after page; each is merged in a map, while a
//! second connection writes the rows that the page before has touched, with the checkpoint. At the
//! end the new table takes the place of the old.

use std::collections::HashMap;
use std::pin::pin;

use annals::Uuid;
use futures_util::TryStreamExt;
use tokio::sync::mpsc::{Receiver, channel};
use tokio_postgres::Client;
use tokio_postgres::binary_copy::BinaryCopyOutStream;
use tokio_postgres::types::Type;

use super::database::{check, connect};
use crate::Failure;
use crate::domain::{Account, Movement};
use crate::measure::{Measured, Stopwatch};
use crate::task::{Task, history};

/// After how many events the rows and the checkpoint are written.
const PAGE: i64 = 50_000;

const BEGIN: &str = "
    DROP TABLE IF EXISTS balances_new;
    CREATE TABLE balances_new (
        account   uuid   PRIMARY KEY,
        cents     bigint NOT NULL,
        movements bigint NOT NULL
    );";

/// Rows and checkpoint in one statement are one commit, and one round trip.
const WRITE: &str = "
    WITH reached AS (
        INSERT INTO checkpoint (name, position) VALUES ('balances', $1)
        ON CONFLICT (name) DO UPDATE SET position = excluded.position
    )
    INSERT INTO balances_new (account, cents, movements)
    SELECT * FROM unnest($2::uuid[], $3::bigint[], $4::bigint[])
    ON CONFLICT (account) DO UPDATE SET cents = excluded.cents, movements = excluded.movements";

const SWITCH: &str = "
    BEGIN;
    DROP TABLE balances;
    ALTER TABLE balances_new RENAME TO balances;
    ALTER INDEX balances_new_pkey RENAME TO balances_pkey;
    COMMIT;";

/// The rows that a page has touched, in columns.
#[derive(Default)]
struct Touched {
    position: i64,
    accounts: Vec<Uuid>,
    cents: Vec<i64>,
    movements: Vec<i64>,
}

type Rows = HashMap<Uuid, (Account, bool)>;

pub(super) async fn measure(task: &Task) -> Result<Measured, Failure> {
    let (accounts, each) = history(task);
    let (reader, writer) = (connect(task).await?, connect(task).await?);
    let watch = Stopwatch::start()?;
    writer.batch_execute(BEGIN).await?;
    let (pages, touched) = channel(1);
    let writing = tokio::spawn(write(writer, touched));
    let mut rows = Rows::new();
    let mut position = 0;
    loop {
        let before = position;
        position = read_page(&reader, position, &mut rows).await?;
        // A closed channel means that the writer has ended, and its error comes below.
        if position == before || pages.send(Touched::of(position, &mut rows)).await.is_err() {
            break;
        }
    }
    drop(pages);
    writing.await??;
    reader.batch_execute(SWITCH).await?;
    let measured = watch.stop(accounts * each)?;
    check(&reader, accounts, each).await?;
    Ok(measured)
}

async fn read_page(client: &Client, after: i64, accounts: &mut Rows) -> Result<i64, Failure> {
    let page = format!(
        "COPY (SELECT position, stream, payload FROM events WHERE position > {after}
         ORDER BY position LIMIT {PAGE}) TO STDOUT (FORMAT binary)"
    );
    // In binary form, JSON is its text.
    let types = [Type::INT8, Type::TEXT, Type::TEXT];
    let mut rows = pin!(BinaryCopyOutStream::new(client.copy_out(&page).await?, &types));
    let mut position = after;
    while let Some(row) = rows.try_next().await? {
        position = row.try_get(0)?;
        let stream: &str = row.try_get(1)?;
        let id = stream.strip_prefix("account-").ok_or("a stream of another category")?;
        let movement: Movement = serde_json::from_str(row.try_get(2)?)?;
        let (account, touched) = accounts.entry(id.parse()?).or_default();
        account.take_in(&movement);
        *touched = true;
    }
    Ok(position)
}

async fn write(client: Client, mut pages: Receiver<Touched>) -> Result<(), Failure> {
    let write = client.prepare(WRITE).await?;
    while let Some(page) = pages.recv().await {
        let Touched { position, accounts, cents, movements } = page;
        client.execute(&write, &[&position, &accounts, &cents, &movements]).await?;
    }
    Ok(())
}

impl Touched {
    fn of(position: i64, rows: &mut Rows) -> Self {
        let mut page = Self { position, ..Self::default() };
        for (id, (account, touched)) in rows.iter_mut().filter(|(_, (_, touched))| *touched) {
            page.accounts.push(*id);
            page.cents.push(account.cents);
            page.movements.push(account.movements as i64);
            *touched = false;
        }
        page
    }
}
