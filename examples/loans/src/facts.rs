//! What was published about the data, against what the store and the read models say.

use std::collections::BTreeSet;

use annals::prelude::*;
use annals::store::StreamQuery;
use annals::{Order, StreamId};

use crate::read_models::{Application, ReadModels};

/// A published number and the one that was found.
pub(crate) struct Fact {
    pub(crate) what: String,
    pub(crate) published: u64,
    pub(crate) found: u64,
}

impl Fact {
    pub(crate) fn holds(&self) -> bool {
        self.published == self.found
    }
}

/// Checks everything that the data's description states.
pub(crate) async fn check(
    annals: &Annals,
    rows: &ReadModels,
) -> Result<Vec<Fact>, Box<dyn std::error::Error>> {
    let mut facts = Vec::new();
    let mut fact = |what: &str, published: u64, found: u64| {
        facts.push(Fact { what: what.to_owned(), published, found });
    };
    fact("events in the store", 262_200, annals.log().head().await?.get());
    let counted: i64 = rows.activities.iter().map(|row| row.events).sum();
    fact("events in the read models", 262_200, counted.unsigned_abs());
    fact("cases", 13_087, annals.read::<Application>().count().await?);

    let names: BTreeSet<_> =
        rows.activities.iter().map(|row| (&row.family, &row.activity)).collect();
    fact("activities", 24, names.len() as u64);
    fact("activities with their lifecycles", 36, rows.activities.len() as u64);

    let reached = |state: &str| {
        let row = rows.funnel.iter().find(|row| row.state == state);
        row.map_or(0, |row| row.applications.unsigned_abs())
    };
    fact("A_SUBMITTED", 13_087, reached("submitted"));
    fact("A_DECLINED", 7_635, reached("declined"));
    fact("A_CANCELLED", 2_807, reached("cancelled"));
    fact("A_APPROVED", 2_246, reached("approved"));

    let longest = first_stream(annals, Application::EVENTS.descending()).await?;
    let shortest = first_stream(annals, Application::EVENTS.ascending()).await?;
    fact("events of the longest case", 175, longest);
    fact("events of the shortest case", 3, shortest);
    Ok(facts)
}

/// How many events the store has of the application that comes first in this order. The read
/// model knows which one it is; the count is the stream's own.
async fn first_stream(
    annals: &Annals,
    order: Order<Application>,
) -> Result<u64, Box<dyn std::error::Error>> {
    let Some(first) = annals.read::<Application>().order_by(order).first().await? else {
        return Ok(0);
    };
    let stream = StreamId::new("loan", first.number)?;
    Ok(annals.log().read_stream(&StreamQuery::all(stream)).await?.len() as u64)
}
