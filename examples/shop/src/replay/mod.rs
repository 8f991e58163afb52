//! A retail CSV, replayed: every real invoice becomes commands, every line is accounted for.
//!
//! The way of a line: `file` reads it, `entry` checks its fields, `verdict` decides what it is,
//! `ledger` counts it, `plan` puts it on its invoice, `execute` sends the invoice through the
//! shop, `account` shows that nothing was lost.

mod account;
mod entry;
mod execute;
mod file;
mod ledger;
mod plan;
#[cfg(test)]
mod tests;
mod verdict;

use std::path::Path;

use annals::Annals;

use crate::Failure;
use crate::desk::Desk;
use crate::report;
use crate::screen::Screen;
pub(crate) use plan::Plan;

/// Reads a file and decides on all its lines; nothing is executed yet.
pub(crate) fn plan(path: &Path) -> Result<Plan, Failure> {
    let file = file::read(path)?;
    plan::make(&file)
}

/// Returns whether everything adds up.
pub(crate) async fn run(annals: &Annals, screen: &Screen, plan: Plan) -> Result<bool, Failure> {
    account::file(screen, &plan);
    let plan = std::sync::Arc::new(plan);
    let desk = std::sync::Arc::new(Desk::open(annals).await?);
    let executed = execute::execute(annals, &desk, screen, &plan).await?;
    report::read_models(annals, screen).await?;
    account::books(annals, screen, &plan, &executed).await
}
