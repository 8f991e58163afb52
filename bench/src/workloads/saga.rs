//! `saga`, `saga-continue` and `open`: a saga is told a log, from its start to the commit of the last step.

use std::sync::Arc;
use std::time::Duration;

use annals::prelude::*;
use annals::sagas::{Census, Commands, Correlation, Flow, Saga, Sendable};
use annals::store::Store;
use annals::{Annals, Start, ops};
use serde::Serialize;
use tokio::time::Instant;

use super::history::import_of;
use crate::Failure;
use crate::domain::AccountEvent;
use crate::flows::Flows;
use crate::measure::{Measured, Stopwatch};
use crate::task::Task;

/// How often is looked whether the last step is there.
const LOOK: Duration = Duration::from_millis(5);

/// After how long without a new event nobody waits any longer.
const PATIENCE: Duration = Duration::from_secs(120);

/// How many events a step appends: itself, and the command that it sends.
const EVENTS_A_STEP: u64 = 2;

/// A command of another service, so that steps are measured and not what they lead to.
#[derive(Serialize)]
struct Confirm {
    reference: String,
    cents: i64,
    movements: u64,
}

impl Sendable for Confirm {
    type Id = String;
    const CATEGORY: &'static str = "counterparty";
    const NAME: &'static str = "confirm";
}

/// Has each movement of an account confirmed, within the hour.
#[derive(Default)]
struct Confirmations<const PARTITIONS: u32> {
    cents: i64,
    movements: u64,
}

const NAME: &str = "confirmations";

impl<const PARTITIONS: u32> Saga for Confirmations<PARTITIONS> {
    type Event = AccountEvent;
    const NAME: &'static str = NAME;
    const WITHIN: Duration = Duration::from_secs(30 * 24 * 3_600);
    const PARTITIONS: u32 = PARTITIONS;

    fn commands() -> Commands {
        Commands::elsewhere::<Confirm>()
    }

    fn start() -> Start {
        Start::Beginning
    }

    fn correlate(event: &Recorded<AccountEvent>) -> Vec<Correlation> {
        vec![Correlation::start_or_continue(event.stream.id())]
    }

    fn on(&mut self, event: &Recorded<AccountEvent>, flow: &mut Flow) {
        let AccountEvent::Moved(movement) = &event.data;
        self.cents += movement.cents;
        self.movements += 1;
        let (cents, movements) = (self.cents, self.movements);
        let reference = movement.reference.clone();
        flow.send(&movement.counterparty, &Confirm { reference, cents, movements });
        flow.wake_after("confirmed", Duration::from_secs(3_600));
    }
}

/// Opens the instances that are to be there, and brings the events that are told afterwards.
pub(super) async fn prepare(
    store: &Arc<dyn Store>,
    annals: &Annals,
    task: &Task,
) -> Result<(), Failure> {
    let flows = Flows::of(task);
    if flows.open == 0 {
        return Ok(());
    }
    let saga = start(store, task.workers).await?;
    wait_for_head(&**store, flows.open + flows.open * EVENTS_A_STEP).await?;
    wait_for_consumers(&**store).await?;
    saga.shutdown().await;
    import_of(annals, flows.told(), move |n| flows.place(n).0).await
}

pub(super) async fn measure(store: Arc<dyn Store>, task: &Task) -> Result<Measured, Failure> {
    let flows = Flows::of(task);
    let before = store.head().await?.get();
    let watch = Stopwatch::start()?;
    let annals = start(&store, task.workers).await?;
    // Positions have no holes, and nobody else appends.
    wait_for_head(&*store, before + flows.told() * EVENTS_A_STEP).await?;
    let measured = watch.stop(flows.told())?;
    let open = Census::of(&*store, NAME).await?.open();
    if open != flows.open_at_last() {
        return Err(format!("{open} of {} instances are open", flows.open_at_last()).into());
    }
    annals.shutdown().await;
    Ok(measured)
}

/// The program, whose saga has so many workers when it is started for the first time.
async fn start(store: &Arc<dyn Store>, workers: u64) -> Result<Annals, Failure> {
    let builder = Annals::on_shared(store.clone());
    let builder = match workers {
        1 => builder.saga::<Confirmations<1>>(),
        2 => builder.saga::<Confirmations<2>>(),
        4 => builder.saga::<Confirmations<4>>(),
        8 => builder.saga::<Confirmations<8>>(),
        _ => return Err("a saga is measured with 1, 2, 4 or 8 --workers".into()),
    };
    Ok(builder.start().await?)
}

/// Waits until the log has so many events, as long as it grows.
pub(super) async fn wait_for_head(store: &dyn Store, wanted: u64) -> Result<(), Failure> {
    let (mut seen, mut since) = (0, Instant::now());
    loop {
        let head = store.head().await?.get();
        if head >= wanted {
            return Ok(());
        }
        if head > seen {
            (seen, since) = (head, Instant::now());
        }
        if since.elapsed() > PATIENCE {
            return Err(format!("the log stays at {head} of {wanted} events").into());
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// Waits until the saga and its dispatcher are past all that the log has.
async fn wait_for_consumers(store: &dyn Store) -> Result<(), Failure> {
    let head = store.head().await?;
    let (mut seen, mut since) = (None, Instant::now());
    for name in [NAME.to_owned(), format!("{NAME}-dispatcher")] {
        loop {
            let consumer = ops::consumer(store, &name).await?;
            let at = consumer.and_then(|consumer| consumer.position_of(consumer.generation));
            if at.is_some_and(|at| at >= head) {
                break;
            }
            if at != seen {
                (seen, since) = (at, Instant::now());
            }
            if since.elapsed() > PATIENCE {
                return Err(format!("`{name}` stays at {at:?} of {head}").into());
            }
            tokio::time::sleep(LOOK).await;
        }
    }
    Ok(())
}
