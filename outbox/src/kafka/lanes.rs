//! Where reading a lane begins.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::claim::{Claim, Seen};
use super::options::KafkaStart;

/// A partition of a topic; the topic by its place in the source's list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Lane {
    pub(super) topic: usize,
    pub(super) partition: i32,
}

/// What a reader has of a lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Hold {
    pub(super) claim: Claim,
    /// The offset of the first message that has not had its effect.
    pub(super) next: i64,
}

/// All that a reader has: shared by who hands out and acknowledges, and who commits.
#[derive(Debug, Clone, Default)]
pub(super) struct Holds(Arc<Mutex<BTreeMap<Lane, Hold>>>);

impl Holds {
    pub(super) fn lock(&self) -> MutexGuard<'_, BTreeMap<Lane, Hold>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the broker keeps about a lane for a group.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Kept {
    pub(super) offset: Option<i64>,
    /// What stands beside it.
    pub(super) beside: String,
}

/// Which messages of a lane are there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct There {
    /// The offset of the oldest.
    pub(super) low: i64,
    /// The offset after the newest.
    pub(super) high: i64,
}

/// Somebody else has the lane.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TakenOver;

/// Where a group is in a lane, as far as the broker and the reader itself know. A reader that holds nothing
/// yet takes the lane over; one that holds it goes on, unless somebody has taken it over meanwhile.
pub(super) fn place_of(kept: &Kept, hold: Option<Hold>) -> Result<Option<i64>, TakenOver> {
    let Some(hold) = hold else { return Ok(kept.offset) };
    let Some(offset) = kept.offset else { return Ok(Some(hold.next)) };
    match hold.claim.see(&kept.beside) {
        // What was acknowledged and not committed before the connection was lost.
        Seen::Mine => Ok(Some(hold.next.max(offset))),
        Seen::Straggler => Ok(Some(hold.next)),
        Seen::Stranger => Ok(Some(offset)),
        Seen::Successor => Err(TakenOver),
    }
}

/// Where a lane begins, and the messages that are missing there: from the first to before the second offset,
/// or all that came before where the topic is shorter than what the group has had.
pub(super) fn begin(
    place: Option<i64>,
    group_is_new: bool,
    start: KafkaStart,
    There { low, high }: There,
) -> (i64, Option<Gap>) {
    match place {
        // A partition that came later has nothing that came before the group.
        None if group_is_new && start == KafkaStart::Latest => (high, None),
        None => (low, None),
        Some(offset) if offset < low => (low, Some(Gap::Gone { from: offset, to: low })),
        Some(offset) if offset > high => (low, Some(Gap::Shorter { had: offset, high })),
        Some(offset) => (offset, None),
    }
}

/// What is missing in a lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Gap {
    /// These messages are gone.
    Gone {
        /// The first.
        from: i64,
        /// The first that is still there.
        to: i64,
    },
    /// The topic is not the one it was.
    Shorter {
        /// How many the group has had.
        had: i64,
        /// How many there are.
        high: i64,
    },
}

impl Gap {
    /// In words, with what can be done.
    pub(super) fn told(self, topic: &str, partition: i32) -> String {
        match self {
            Self::Gone { from, to } => format!(
                "the broker has thrown away the messages {from} to {} of partition {partition} of `{topic}`, \
                 which this group has not had: `retention.ms` and `retention.bytes` of the topic say how long \
                 it keeps them; what is missing can only come from whoever has sent it",
                to - 1,
            ),
            Self::Shorter { had, high } => format!(
                "this group has had {had} messages of partition {partition} of `{topic}`, which has {high}: \
                 the topic was made anew, or has lost its newest messages; it is read from its beginning"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    const THERE: There = There { low: 10, high: 20 };

    fn kept(offset: i64, claim: Claim) -> Kept {
        Kept { offset: Some(offset), beside: claim.to_string() }
    }

    #[test]
    fn a_new_group_begins_where_it_is_told() {
        assert_eq!(begin(None, true, KafkaStart::Earliest, THERE), (10, None));
        assert_eq!(begin(None, true, KafkaStart::Latest, THERE), (20, None));
        assert_eq!(
            begin(None, false, KafkaStart::Latest, THERE),
            (10, None),
            "a partition that came later"
        );
    }

    #[test]
    fn what_is_missing_is_told() {
        assert_eq!(begin(Some(10), false, KafkaStart::Latest, THERE), (10, None));
        assert_eq!(begin(Some(20), false, KafkaStart::Latest, THERE), (20, None));
        let (place, gap) = begin(Some(7), false, KafkaStart::Latest, THERE);
        assert_eq!((place, gap), (10, Some(Gap::Gone { from: 7, to: 10 })));
        assert!(
            gap.expect("a gap").told("orders", 3).contains("7 to 9 of partition 3 of `orders`")
        );
        let (place, gap) = begin(Some(21), false, KafkaStart::Latest, THERE);
        assert_eq!((place, gap), (10, Some(Gap::Shorter { had: 21, high: 20 })));
        assert!(gap.expect("a gap").told("orders", 3).contains("made anew"));
    }

    #[test]
    fn a_reader_goes_on_unless_it_was_taken_over() {
        let old = Claim::after("", Uuid::now_v7());
        let mine = Claim::after(&old.to_string(), Uuid::now_v7());
        let hold = Some(Hold { claim: mine, next: 15 });
        assert_eq!(place_of(&kept(12, mine), None), Ok(Some(12)), "it takes over");
        assert_eq!(place_of(&Kept::default(), None), Ok(None));
        assert_eq!(place_of(&kept(12, mine), hold), Ok(Some(15)), "not committed yet");
        assert_eq!(place_of(&kept(18, old), hold), Ok(Some(15)), "a straggler moves nothing");
        assert_eq!(place_of(&Kept::default(), hold), Ok(Some(15)), "the broker has forgotten");
        let reset = Kept { offset: Some(3), beside: String::new() };
        assert_eq!(place_of(&reset, hold), Ok(Some(3)), "a person has set it back");
        let next = Claim::after(&mine.to_string(), Uuid::now_v7());
        assert_eq!(place_of(&kept(12, next), hold), Err(TakenOver));
    }
}
