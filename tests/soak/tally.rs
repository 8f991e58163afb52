//! The read model that the followers keep: how many events each stream has.

use std::time::Duration;

use annals::prelude::*;

use crate::Outcome;

/// How long the last follower may take for the whole log.
const PATIENCE: Duration = Duration::from_secs(300);

/// What a [`Writer`](annals_tests::writer::Writer) appends.
#[derive(Event, Debug, Clone, PartialEq)]
#[event(name = "sample.happened")]
pub(crate) struct Happened {
    by: String,
    n: u32,
    of: u32,
}

/// One row a stream. An event that is folded twice, or not at all, shows.
#[derive(ReadModel, Debug, Clone, PartialEq)]
#[read_model(table = "tallies")]
pub(crate) struct Tally {
    #[key]
    stream: String,
    events: i64,
    numbers: i64,
    last: i64,
}

/// Keeps [`Tally`].
pub(crate) struct Tallies;

impl Projection for Tallies {
    type Event = Happened;
    type Row = Tally;
    const NAME: &str = "tallies";
    const VERSION: u32 = 1;

    fn keys(&self, event: &Recorded<Happened>) -> Keys<String> {
        event.stream.to_string().into()
    }

    fn fold(&self, stream: &String, row: &mut Option<Tally>, event: &Recorded<Happened>) {
        let new = || Tally { stream: stream.clone(), events: 0, numbers: 0, last: 0 };
        let tally = row.get_or_insert_with(new);
        tally.events += 1;
        tally.numbers += i64::from(event.data.n);
        // A store holds positions in as many bits.
        tally.last = event.position.get() as i64;
    }
}

/// Follows the log to its end, now that nobody writes.
pub(crate) async fn catch_up(url: &str) -> Outcome {
    let annals = Annals::open(url).await?.project(Tallies).start().await?;
    let head = annals.log().head().await?;
    annals.wait_for(head, PATIENCE).await?;
    annals.shutdown().await;
    Ok(())
}
