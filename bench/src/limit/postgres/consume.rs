//! `consume`: messages in batches; rows and the last version of each stream in one commit; then they are
//! acknowledged. What comes again is known by its version.

use std::collections::HashMap;

use annals::Uuid;
use tokio_postgres::{Client, Statement};

use super::database::{check, connect};
use crate::Failure;
use crate::limit::brokers::Event;
use crate::measure::{Measured, Stopwatch};
use crate::task::{Task, spread};

const KNOWN: &str = "SELECT account, version FROM inbox WHERE account = ANY($1::uuid[])";

/// Rows and inbox in one statement are one commit, and one round trip.
const WRITE: &str = "
    WITH received AS (
        INSERT INTO inbox (account, version)
        SELECT * FROM unnest($1::uuid[], $2::bigint[])
        ON CONFLICT (account) DO UPDATE SET version = excluded.version
    )
    INSERT INTO balances (account, cents, movements)
    SELECT * FROM unnest($1::uuid[], $3::bigint[], $4::bigint[])
    ON CONFLICT (account) DO UPDATE
    SET cents = balances.cents + excluded.cents,
        movements = balances.movements + excluded.movements";

/// What a batch does to an account.
#[derive(Default)]
struct Change {
    version: i64,
    cents: i64,
    movements: i64,
}

pub(super) async fn measure(task: &Task) -> Result<Measured, Failure> {
    let (accounts, each) = spread(task.events);
    let client = connect(task).await?;
    let (known, write) = tokio::try_join!(client.prepare(KNOWN), client.prepare(WRITE))?;
    let mut broker = task.by_hand().await?;
    let watch = Stopwatch::start()?;
    let mut taken_in = 0;
    while taken_in < accounts * each {
        let bodies = broker.receive().await?;
        let events = bodies.iter().map(|body| Event::read(body)).collect::<Result<Vec<_>, _>>()?;
        taken_in += take_in(&client, (&known, &write), events).await?;
        broker.acknowledge().await?;
    }
    let measured = watch.stop(accounts * each)?;
    check(&client, accounts, each).await?;
    task.remove_place().await?;
    Ok(measured)
}

/// How many of the messages had not come before.
async fn take_in(
    client: &Client,
    (known, write): (&Statement, &Statement),
    events: Vec<Event>,
) -> Result<u64, Failure> {
    let mut changes: HashMap<Uuid, Change> =
        events.iter().map(|event| (event.account, Change::default())).collect();
    let accounts: Vec<Uuid> = changes.keys().copied().collect();
    for row in client.query(known, &[&accounts]).await? {
        changes.entry(row.try_get(0)?).or_default().version = row.try_get(1)?;
    }
    for event in events {
        let change = changes.entry(event.account).or_default();
        if event.version > change.version {
            change.version = event.version;
            change.cents += event.movement.cents;
            change.movements += 1;
        }
    }
    let accounts: Vec<Uuid> = changes.keys().copied().collect();
    let column = |of: fn(&Change) -> i64| changes.values().map(of).collect::<Vec<i64>>();
    let versions = column(|change| change.version);
    let movements = column(|change| change.movements);
    let cents = column(|change| change.cents);
    client.execute(write, &[&accounts, &versions, &cents, &movements]).await?;
    Ok(movements.into_iter().sum::<i64>().unsigned_abs())
}
