//! `import`: one bare COPY in binary form.

use super::database::connect;
use super::history::copy;
use crate::Failure;
use crate::measure::{Measured, Stopwatch};
use crate::task::{Task, imported};

pub(super) async fn measure(task: &Task) -> Result<Measured, Failure> {
    let client = connect(task).await?;
    let (accounts, each) = imported(task);
    let watch = Stopwatch::start()?;
    copy(&client, accounts, each).await?;
    watch.stop(accounts * each)
}
