//! `delivery`: one service appends at a steady pace, and its relay sends to a broker; another one, with a database
//! of its own, keeps a table of what came, and looks there for each.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use annals::outbox::Inbound;
use annals::prelude::*;
use annals::store::Store;
use annals::{Annals, Partitions};
use annals_tests::brokers::client;
use tokio::time::{MissedTickBehavior, timeout};

use super::fact::{Fact, Movements, wait_for_relay};
use crate::Failure;
use crate::domain::{Account, AccountEvent, Movement, account};
use crate::measure::{Measured, Stopwatch};
use crate::task::{Task, Work};

/// So many tasks append.
const WORKERS: u64 = 8;

/// Between two looks at the table of the other service.
const LOOK: Duration = Duration::from_millis(1);

/// How long an event may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// One row an event.
#[derive(ReadModel, Debug, Clone, PartialEq)]
#[read_model(table = "arrivals")]
struct Arrival {
    #[key]
    number: i64,
}

struct Arrivals;

impl Projection for Arrivals {
    type Event = Fact;
    type Row = Arrival;
    const NAME: &str = "arrivals";
    const PARTITIONS: Partitions = Partitions::One;

    fn keys(&self, event: &Recorded<Fact>) -> Keys<i64> {
        let Fact::Moved(movement) = &event.data;
        let digits = movement.reference.rsplit('-').next().unwrap_or_default();
        digits.parse::<i64>().ok().into()
    }

    fn fold(&self, number: &i64, row: &mut Option<Arrival>, _: &Recorded<Fact>) {
        *row = Some(Arrival { number: *number });
    }
}

/// The service that appends: when each command began, by the number of the movement.
pub(super) async fn append(store: Arc<dyn Store>, task: &Task) -> Result<Measured, Failure> {
    let Work::Delivery { pace } = task.work else { return Err("it has a pace".into()) };
    let (url, place) = task.place()?;
    let (publisher, to) = client::publisher(url, &place).await?;
    let builder = Annals::on_shared(store.clone()).aggregate::<Account>();
    let annals = builder.publish(Movements { to }, publisher).start().await?;
    let mut watch = Stopwatch::start()?;
    let each = task.events / WORKERS;
    let every = Duration::from_secs(WORKERS) / pace as u32;
    let workers: Vec<_> = (0..WORKERS)
        .map(|worker| tokio::spawn(deposits(annals.clone(), worker, each, every)))
        .collect();
    let mut begun = Vec::new();
    for worker in workers {
        begun.extend(worker.await??);
    }
    begun.sort_unstable();
    watch.add_all(begun.into_iter().map(|(_, time)| time).collect());
    let measured = watch.stop(each * WORKERS)?;
    // The last of them may still be on their way.
    wait_for_relay(&*store).await?;
    annals.shutdown().await;
    Ok(measured)
}

async fn deposits(
    annals: Annals,
    worker: u64,
    times: u64,
    every: Duration,
) -> Result<Vec<(u64, Duration)>, Failure> {
    let mut pace = tokio::time::interval(every);
    pace.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let mut begun = Vec::new();
    for n in 0..times {
        pace.tick().await;
        let number = n * WORKERS + worker;
        begun.push((number, SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?));
        let deposit =
            |account: &Account| account.decide(Movement::number(number)).map(AccountEvent::Moved);
        annals.execute(&account(worker * 1_000 + n % 100), deposit).await?;
    }
    Ok(begun)
}

/// The other service: when each row was there.
pub(super) async fn follow(store: Arc<dyn Store>, task: &Task) -> Result<Measured, Failure> {
    let (url, place) = task.place()?;
    let source = client::source(url, &place).await?;
    let inbound = Inbound::on("other", source);
    let annals = Annals::on_shared(store).project_from(&inbound, Arrivals).start().await?;
    let mut watch = Stopwatch::start()?;
    let events = task.events / WORKERS * WORKERS;
    let looking = look(&annals, events);
    let seen = timeout(PATIENCE + Duration::from_secs(600), looking).await;
    watch.add_all(seen.map_err(|_| "events are missing in the other service")??);
    let measured = watch.stop(events)?;
    annals.shutdown().await;
    task.remove_place().await?;
    Ok(measured)
}

/// When each number was there first.
async fn look(annals: &Annals, events: u64) -> Result<Vec<Duration>, Failure> {
    let mut seen: Vec<Option<Duration>> = vec![None; usize::try_from(events)?];
    let mut before = 0;
    while before < seen.len() {
        let rows = annals.read::<Arrival>();
        let rows =
            rows.filter(Arrival::NUMBER.at_least(before as i64)).limit(10_000).list().await?;
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?;
        for row in rows {
            let place = seen.get_mut(usize::try_from(row.number)?).ok_or("nobody sent that")?;
            place.get_or_insert(now);
        }
        while seen.get(before).is_some_and(Option::is_some) {
            before += 1;
        }
        tokio::time::sleep(LOOK).await;
    }
    Ok(seen.into_iter().flatten().collect())
}
