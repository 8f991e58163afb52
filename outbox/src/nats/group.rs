//! Whose turn a lane is, and how far a group has got in it: one durable consumer, with a number that grows.
//!
//! Whoever opens a lane makes a consumer of its own behind the last message that was acknowledged, and deletes
//! the one before it. So what was not acknowledged comes again at once and before what follows it, and
//! acknowledgements of whoever had the lane go to a consumer that is not there any more. However this is
//! broken off, a consumer is left that knows how far the group has got.

use async_nats::jetstream::stream as jetstream_stream;
use async_nats::jetstream::stream::{Info, RetentionPolicy};
use serde::Deserialize;
use serde_json::json;

use super::errors::{self, Trouble};
use super::live::Live;
use super::options::NatsOptions;
use super::{consumer, stream};

/// A lane of a group.
#[derive(Debug, Clone, Copy)]
pub(super) struct Claim<'a> {
    pub(super) stream: &'a str,
    pub(super) group: &'a str,
    pub(super) filter: &'a str,
    /// Who claims it: tells its consumers from those of others.
    pub(super) receiver: &'a str,
}

/// When a lane was taken, and by whom: the highest has it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Turn {
    pub(super) number: u64,
    receiver: String,
}

/// What a receiver knows of a lane that it has had before.
#[derive(Debug, Clone)]
pub(super) struct Known {
    pub(super) turn: Turn,
    /// All messages up to this number of the stream had their effect.
    pub(super) had: u64,
    /// When the stream was made, for numbers begin anew with each.
    stream_made: async_nats::datetime::DateTime,
}

impl Known {
    /// Whether both are of one stream, and not of two with one name.
    pub(super) fn same_stream(&self, other: &Self) -> bool {
        self.stream_made == other.stream_made
    }
}

/// A lane that was taken.
#[derive(Debug)]
pub(super) struct Taken {
    pub(super) consumer: String,
    pub(super) known: Known,
    /// How many messages wait in it.
    pub(super) pending: u64,
    /// What was thrown away before the group had it.
    pub(super) gap: Option<String>,
}

/// Why a lane was not taken.
#[derive(Debug)]
pub(super) enum NotTaken {
    Trouble(Trouble),
    /// Somebody else has taken it since: for this receiver it is over.
    Fenced(String),
}

impl From<Trouble> for NotTaken {
    fn from(trouble: Trouble) -> Self {
        Self::Trouble(trouble)
    }
}

/// Takes a lane: for the first time, or again where `known` says what the receiver had of it.
pub(super) async fn take(
    live: &Live,
    options: &NatsOptions,
    claim: Claim<'_>,
    known: Option<&Known>,
) -> Result<Taken, NotTaken> {
    let info = stream::ensure(live, &options.streams, claim.stream).await?;
    if info.config.retention == RetentionPolicy::WorkQueue {
        return Err(Trouble::Missing(format!(
            "the stream `{}` is a work queue, which gives each message to one reader and forgets it: \
             groups need `--retention limits`",
            claim.stream
        ))
        .into());
    }
    let before = turns(live, claim).await?;
    let own = |turn: &&Turn| turn.receiver == claim.receiver;
    let mine = before.iter().filter(own).chain(known.map(|known| &known.turn)).max();
    let highest = before.iter().max();
    if let (Some(mine), Some(highest)) = (mine, highest)
        && highest > mine
        && highest.receiver != claim.receiver
    {
        return Err(fenced(claim));
    }
    let known = known.filter(|known| known.stream_made == info.created);
    let mut had = known.map(|known| known.had);
    for turn in &before {
        let name = consumer_name(claim, turn);
        if let Some(consumer) = consumer::info(live, claim.stream, &name).await? {
            had = had.max(Some(consumer.floor()));
        }
    }
    let gap = had.and_then(|had| gap(claim, &info, had));
    let had = had.unwrap_or(0).min(info.state.last_sequence);
    let last = before.iter().chain(known.map(|known| &known.turn)).map(|turn| turn.number).max();
    let turn = Turn { number: last.unwrap_or(0) + 1, receiver: claim.receiver.to_owned() };
    let consumer = consumer_name(claim, &turn);
    let pending = consumer::make(live, claim, &consumer, had + 1).await?.num_pending;
    // Somebody may have come at the same time: the highest stays.
    let others = turns(live, claim).await?;
    if others.iter().max() > Some(&turn) {
        consumer::delete(live, claim.stream, &consumer).await?;
        return Err(fenced(claim));
    }
    for other in others.iter().filter(|other| **other != turn) {
        consumer::delete(live, claim.stream, &consumer_name(claim, other)).await?;
    }
    let known = Known { turn, had, stream_made: info.created };
    Ok(Taken { consumer, known, pending, gap })
}

fn fenced(claim: Claim<'_>) -> NotTaken {
    let Claim { group, filter, .. } = claim;
    NotTaken::Fenced(format!("another receiver of the group `{group}` has taken `{filter}` over"))
}

/// What the stream has thrown away behind the last message that a group had.
pub(super) fn gap(claim: Claim<'_>, info: &Info, had: u64) -> Option<String> {
    let jetstream_stream::State { first_sequence: first, last_sequence: last, .. } = info.state;
    if had > last || first <= had + 1 {
        return None;
    }
    let all = claim.filter == ">" || info.config.subjects == [claim.filter];
    let those = if all {
        "they were never received".to_owned()
    } else {
        format!("those of `{}` among them were never received", claim.filter)
    };
    Some(format!(
        "the stream `{}` has thrown its messages {} to {} away before the group `{}` had them, and {those}: \
         raise its limits, and fill the gap from where the messages came from",
        claim.stream,
        had + 1,
        first - 1,
        claim.group,
    ))
}

/// Who has and had the lane, as far as consumers are left of them.
async fn turns(live: &Live, claim: Claim<'_>) -> Result<Vec<Turn>, Trouble> {
    #[derive(Deserialize)]
    struct Page {
        total: usize,
        consumers: Option<Vec<String>>,
    }
    let what = format!("list the consumers of `{}`", claim.stream);
    let subject = format!("CONSUMER.NAMES.{}", claim.stream);
    let mut names: Vec<String> = Vec::new();
    loop {
        let body = json!({ "offset": names.len() });
        let page = live.api::<Page>(&what, &subject, &body).await?;
        let page = page.map_err(|error| errors::api_error(&what, &error))?;
        let more = page.consumers.unwrap_or_default();
        let end = more.is_empty();
        names.extend(more);
        if end || names.len() >= page.total {
            return Ok(names.iter().filter_map(|name| turn(claim, name)).collect());
        }
    }
}

/// The name of a lane's consumer: readable, without the characters that names must not have, and different
/// for every group and lane.
fn consumer_name(claim: Claim<'_>, turn: &Turn) -> String {
    format!("{}_{}_{}", prefix(claim), turn.number, turn.receiver)
}

fn turn(claim: Claim<'_>, consumer: &str) -> Option<Turn> {
    let rest = consumer.strip_prefix(&prefix(claim))?.strip_prefix('_')?;
    let (number, receiver) = rest.split_once('_')?;
    Some(Turn { number: number.parse().ok()?, receiver: receiver.to_owned() })
}

fn prefix(claim: Claim<'_>) -> String {
    let readable = |text: &str| -> String {
        let plain = |c: char| if c.is_ascii_alphanumeric() || c == '-' { c } else { '-' };
        text.chars().take(48).map(plain).collect()
    };
    let both = claim.group.bytes().chain([0]).chain(claim.filter.bytes());
    // FNV-1a: short, and the same in every version of every program.
    let hash = both.fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    format!("annals_{}_{}_{hash:016x}", readable(claim.group), readable(claim.filter))
}

#[cfg(test)]
mod tests {
    use super::{Claim, Turn, consumer_name, prefix, turn};

    #[test]
    fn names_are_read_back_and_differ_by_group_and_lane() {
        let claim =
            Claim { stream: "S", group: "mail & print", filter: "orders.>", receiver: "abc" };
        let taken = Turn { number: 12, receiver: "abc".to_owned() };
        let name = consumer_name(claim, &taken);
        assert!(name.starts_with("annals_mail---print_orders--_"), "{name}");
        assert!(name.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c)), "{name}");
        assert_eq!(turn(claim, &name), Some(taken));
        for other in [
            Claim { group: "mail - print", ..claim },
            Claim { filter: "orders.*", ..claim },
            Claim { group: "mail & print\0orders", filter: ">", ..claim },
        ] {
            assert_ne!(prefix(other), prefix(claim));
            assert_eq!(turn(other, &name), None);
        }
    }

    #[test]
    fn the_later_turn_is_the_higher_one() {
        let turn = |number, receiver: &str| Turn { number, receiver: receiver.to_owned() };
        assert!(turn(10, "a") > turn(9, "z"));
        assert!(turn(9, "b") > turn(9, "a"), "of two at once, one has it");
    }
}
