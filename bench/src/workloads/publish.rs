//! `publish`: a relay sends a log to a broker, from the first event to the last confirmation.

use std::sync::Arc;

use annals::Annals;
use annals::store::Store;
use annals_tests::brokers::client;

use super::fact::{Movements, wait_for_relay};
use crate::Failure;
use crate::measure::{Measured, Stopwatch};
use crate::task::{Task, history};

pub(super) async fn measure(store: Arc<dyn Store>, task: &Task) -> Result<Measured, Failure> {
    let (accounts, each) = history(task);
    let (url, place) = task.place()?;
    let (publisher, to) = client::publisher(url, &place).await?;
    let watch = Stopwatch::start()?;
    let builder = Annals::on_shared(store.clone()).events::<crate::domain::AccountEvent>();
    let annals = builder.publish(Movements { to }, publisher).start().await?;
    wait_for_relay(&*store).await?;
    let measured = watch.stop(accounts * each)?;
    annals.shutdown().await;
    task.check_messages(accounts * each).await?;
    Ok(measured)
}
