//! How long does a decision take, and about how much money is it?
//!
//! A decision's event knows neither when the application was submitted nor for what amount. So
//! this is a handler: it keeps the open applications in a table of its own and looks them up.

use annals::prelude::*;
use annals::store::BoxError;
use annals::table::TableSpec;
use annals::{EventHandler, HandlerTables, async_trait};

use crate::events::ApplicationEvent;

/// Upper ends of the classes of days, and what they are called.
pub(crate) const DAYS: [(i64, &str); 7] = [
    (0, "same day"),
    (1, "1 day"),
    (7, "2-7 days"),
    (14, "8-14 days"),
    (30, "15-30 days"),
    (60, "31-60 days"),
    (i64::MAX, "over 60 days"),
];

/// How an application ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    Approved,
    Declined,
    Cancelled,
}

impl Outcome {
    pub(crate) const ALL: [Self; 3] = [Self::Approved, Self::Declined, Self::Cancelled];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Approved => "approved",
            Self::Declined => "declined",
            Self::Cancelled => "cancelled",
        }
    }
}

/// An application nobody has decided yet.
#[derive(ReadModel, Debug, Clone, PartialEq)]
#[read_model(table = "open_applications")]
pub(crate) struct OpenApplication {
    #[key]
    pub(crate) number: u32,
    pub(crate) amount_eur: u32,
    pub(crate) submitted_at: Timestamp,
}

/// How many applications had an outcome within a class of days.
#[derive(ReadModel, Debug, Clone, PartialEq)]
#[read_model(table = "decision_days")]
pub(crate) struct Decided {
    #[key]
    pub(crate) outcome: String,
    /// The place in [`DAYS`].
    #[key]
    pub(crate) class: u8,
    pub(crate) applications: i64,
    /// From submission to decision, of all of them together.
    pub(crate) seconds: i64,
}

/// The money asked for, by outcome.
#[derive(ReadModel, Debug, Clone, PartialEq)]
#[read_model(table = "amounts_by_outcome")]
pub(crate) struct Amounts {
    #[key]
    pub(crate) outcome: String,
    pub(crate) applications: i64,
    pub(crate) total_eur: i64,
    pub(crate) smallest_eur: u32,
    pub(crate) largest_eur: u32,
}

pub(crate) struct Decisions;

#[async_trait]
impl EventHandler for Decisions {
    type Event = ApplicationEvent;
    const NAME: &'static str = "decisions";
    const VERSION: u32 = 1;

    fn tables() -> Vec<TableSpec> {
        vec![OpenApplication::table().clone(), Decided::table().clone(), Amounts::table().clone()]
    }

    async fn handle(
        &self,
        event: &Recorded<ApplicationEvent>,
        tables: &mut HandlerTables<'_>,
    ) -> Result<(), BoxError> {
        let number = event.aggregate_id()?;
        let outcome = match &event.data {
            ApplicationEvent::Submitted { amount_eur, .. } => {
                let (amount_eur, submitted_at) = (*amount_eur, event.occurred_at);
                return tables.put(&OpenApplication { number, amount_eur, submitted_at }).await;
            }
            ApplicationEvent::Approved => Outcome::Approved,
            ApplicationEvent::Declined => Outcome::Declined,
            ApplicationEvent::Cancelled => Outcome::Cancelled,
            _ => return Ok(()),
        };
        // Only the first decision counts.
        let Some(open) = tables.get::<OpenApplication>(&number).await? else { return Ok(()) };
        tables.remove::<OpenApplication>(&number).await?;
        let waited = event.occurred_at.duration_since(open.submitted_at).as_secs();
        count_days(outcome, waited, tables).await?;
        count_amount(outcome, open.amount_eur, tables).await
    }
}

async fn count_days(
    outcome: Outcome,
    waited: i64,
    tables: &mut HandlerTables<'_>,
) -> Result<(), BoxError> {
    let days = waited / 86_400;
    // The last class takes everything, and there are fewer than 256.
    let class = DAYS.iter().take_while(|(end, _)| days > *end).count() as u8;
    let key = (outcome.name().to_owned(), class);
    let mut row = tables.get::<Decided>(&key).await?.unwrap_or(Decided {
        outcome: key.0,
        class,
        applications: 0,
        seconds: 0,
    });
    row.applications += 1;
    row.seconds += waited;
    tables.put(&row).await
}

async fn count_amount(
    outcome: Outcome,
    amount_eur: u32,
    tables: &mut HandlerTables<'_>,
) -> Result<(), BoxError> {
    let outcome = outcome.name().to_owned();
    let mut row = tables.get::<Amounts>(&outcome).await?.unwrap_or(Amounts {
        outcome,
        applications: 0,
        total_eur: 0,
        smallest_eur: amount_eur,
        largest_eur: amount_eur,
    });
    row.applications += 1;
    row.total_eur += i64::from(amount_eur);
    row.smallest_eur = row.smallest_eur.min(amount_eur);
    row.largest_eur = row.largest_eur.max(amount_eur);
    tables.put(&row).await
}
