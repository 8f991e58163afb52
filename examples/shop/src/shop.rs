//! The shop as a program: its store, its projections and sagas, and what can be said of them.

use std::collections::HashMap;
use std::hash::Hash;
use std::time::Duration;

use annals::{Annals, JournalOptions, Projection, ReadModel};

use crate::Failure;
use crate::checkout::Checkout;
use crate::desk::Desk;
use crate::domain::Customer;
use crate::flows;
use crate::notifications::Notifications;
use crate::read_models::{BestSellers, Orders, Sales, Stock};
use crate::returns::Returns;

/// How long the read models may take to catch up with what was written.
const PATIENCE: Duration = Duration::from_secs(120);

pub(crate) async fn open(url: &str) -> Result<Annals, Failure> {
    let options = JournalOptions { source: Some("/shop".to_owned()), ..JournalOptions::default() };
    let shop = Annals::open(url)
        .await?
        .journal_options(options)
        .aggregate::<Customer>()
        .project(Orders)
        .project(Stock)
        .project(Sales)
        .project(BestSellers)
        .saga::<Checkout>()
        .saga::<Returns>()
        .subscriber_with(|journal| Notifications { journal: journal.clone() })
        .start()
        .await?;
    Ok(shop)
}

/// Waits until every order has come to its end, every customer knows that, and the read models show it.
pub(crate) async fn settled(annals: &Annals, desk: &Desk) -> Result<(), Failure> {
    flows::ended(annals).await?;
    desk.all_are_told().await?;
    caught_up(annals).await
}

/// Waits until the read models show everything that has been written.
pub(crate) async fn caught_up(annals: &Annals) -> Result<(), Failure> {
    let head = annals.log().head().await?;
    Ok(annals.wait_for(head, PATIENCE).await?)
}

/// All rows of a read model.
pub(crate) async fn rows<M: ReadModel>(annals: &Annals) -> Result<Vec<M>, Failure> {
    Ok(annals.read::<M>().all().await?)
}

/// How a read model compares with its projection folded afresh over the whole history, by one
/// task and without any table.
pub(crate) struct Comparison {
    pub(crate) name: &'static str,
    pub(crate) rows: usize,
    /// Rows that differ, are missing or should not be there.
    pub(crate) different: usize,
}

/// Compares; nobody may write meanwhile.
pub(crate) async fn compare<P>(annals: &Annals, projection: P) -> Result<Comparison, Failure>
where
    P: Projection,
    P::Row: PartialEq,
    <P::Row as ReadModel>::Key: Hash + Eq,
{
    let rows = rows::<P::Row>(annals).await?;
    let stored: HashMap<_, _> = rows.into_iter().map(|row| (row.key(), row)).collect();
    let live = annals.live(projection).all().await?;
    let not_the_same = live.iter().filter(|(key, row)| stored.get(key) != Some(row)).count();
    let too_many = stored.keys().filter(|key| !live.contains_key(key)).count();
    Ok(Comparison { name: P::NAME, rows: stored.len(), different: not_the_same + too_many })
}
