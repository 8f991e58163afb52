//! `import`: a history from elsewhere, 5,000 events at a time, each checked against its schema.

use std::sync::Arc;

use annals::store::Store;

use super::{history, start};
use crate::Failure;
use crate::measure::{Measured, Stopwatch};
use crate::task::{Task, imported};

pub(super) async fn measure(store: Arc<dyn Store>, task: &Task) -> Result<Measured, Failure> {
    let annals = start(store, 0).await?;
    let (accounts, each) = imported(task);
    let watch = Stopwatch::start()?;
    history::import(&annals, accounts, each).await?;
    watch.stop(accounts * each)
}
