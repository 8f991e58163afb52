//! What confirms mean.
//!
//! The broker returns a message that it could route nowhere, and then confirms it. The client gives a returned
//! message to whichever confirm comes next, and that is often another message's: a confirm alone proves
//! nothing. What holds is this: the client keeps returned messages in a queue, and each confirm takes one
//! out. So a confirm that carries none says that by then every returned message had been carried by a confirm
//! before it, and one that carries another's says nothing yet.

use std::collections::HashMap;

/// What one confirm said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Word {
    /// Whether the broker has taken the message; else it has told that it could not.
    pub(super) taken: bool,
    /// The returned message that it carried: anyone's.
    pub(super) returned: Option<Returned>,
}

/// A message that came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Returned {
    pub(super) sent: Sent,
    pub(super) why: String,
}

/// By what a message that comes back is known again. Who publishes it twice at the same time is told twice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sent {
    pub(super) id: String,
    pub(super) routing_key: String,
}

/// What has become of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fate {
    Stored,
    /// The broker said that it could not take it.
    NotTaken,
    /// It was routed nowhere, for this reason.
    Returned(String),
}

/// The messages of one channel that have no fate yet.
#[derive(Debug, Default)]
pub(super) struct Confirms {
    open: HashMap<u64, Open>,
    /// Those among them that are confirmed, by a confirm that carried another's message.
    unsure: Vec<u64>,
}

#[derive(Debug)]
struct Open {
    sent: Sent,
    returned: Option<String>,
    confirmed: bool,
}

impl Confirms {
    /// A message is on its way.
    pub(super) fn expect(&mut self, number: u64, sent: Sent) {
        self.open.insert(number, Open { sent, returned: None, confirmed: false });
    }

    /// A message was not sent after all.
    pub(super) fn forget(&mut self, number: u64) {
        self.open.remove(&number);
    }

    /// Takes in everything that was said up to a moment. Returns which messages have a fate now.
    pub(super) fn hear(&mut self, words: Vec<(u64, Word)>) -> Vec<(u64, Fate)> {
        let mut fates = Vec::new();
        let carried_none = words.iter().any(|(_, word)| word.returned.is_none());
        let were_unsure = std::mem::take(&mut self.unsure);
        let mut are_sure = Vec::new();
        for (number, word) in words {
            if let Some(returned) = &word.returned {
                self.came_back(returned);
            }
            let Some(open) = self.open.get_mut(&number) else { continue };
            open.confirmed = true;
            match word {
                Word { taken: false, .. } => {
                    self.open.remove(&number);
                    fates.push((number, Fate::NotTaken));
                }
                Word { returned: Some(returned), .. } if returned.sent != open.sent => {
                    self.unsure.push(number);
                }
                _ => are_sure.push(number),
            }
        }
        // Whoever became unsure before was so before any of these confirms came.
        if carried_none {
            are_sure.extend(were_unsure);
        } else {
            self.unsure.extend(were_unsure);
        }
        // Nothing is under way: every message that came back has been carried.
        if self.open.values().all(|open| open.confirmed) {
            are_sure.append(&mut self.unsure);
        }
        // What came back is known, sure or not.
        let known =
            |number: &u64| self.open.get(number).is_some_and(|open| open.returned.is_some());
        let (came_back, unsure) = self.unsure.drain(..).partition(known);
        self.unsure = unsure;
        are_sure.extend::<Vec<u64>>(came_back);
        for number in are_sure {
            if let Some(open) = self.open.remove(&number) {
                fates.push((number, open.returned.map_or(Fate::Stored, Fate::Returned)));
            }
        }
        fates
    }

    fn came_back(&mut self, returned: &Returned) {
        for open in self.open.values_mut().filter(|open| open.sent == returned.sent) {
            open.returned = Some(returned.why.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(number: u64) -> Sent {
        Sent { id: number.to_string(), routing_key: "orders".to_owned() }
    }

    fn returned(number: u64) -> Option<Returned> {
        Some(Returned { sent: sent(number), why: "NO_ROUTE".to_owned() })
    }

    fn word(number: u64, returned: Option<Returned>) -> (u64, Word) {
        (number, Word { taken: true, returned })
    }

    fn expecting(numbers: impl IntoIterator<Item = u64>) -> Confirms {
        let mut confirms = Confirms::default();
        for number in numbers {
            confirms.expect(number, sent(number));
        }
        confirms
    }

    fn no_route() -> Fate {
        Fate::Returned("NO_ROUTE".to_owned())
    }

    fn sorted(mut fates: Vec<(u64, Fate)>) -> Vec<(u64, Fate)> {
        fates.sort_by_key(|(number, _)| *number);
        fates
    }

    #[test]
    fn confirmed_is_stored_and_refused_is_not() {
        let mut confirms = expecting([1, 2]);
        let refused = Word { taken: false, returned: None };
        let fates = sorted(confirms.hear(vec![word(1, None), (2, refused)]));
        assert_eq!(fates, [(1, Fate::Stored), (2, Fate::NotTaken)]);
    }

    #[test]
    fn a_message_that_came_back_is_found_on_anothers_confirm() {
        let mut confirms = expecting([1, 2, 3]);
        let fates = sorted(confirms.hear(vec![word(3, returned(1)), word(1, None)]));
        assert_eq!(fates, [(1, no_route())], "3 may have come back too");
        assert_eq!(
            sorted(confirms.hear(vec![word(2, None)])),
            [(2, Fate::Stored), (3, Fate::Stored)]
        );
    }

    #[test]
    fn whose_confirm_carried_anothers_waits_until_nothing_can_be_hidden() {
        let mut confirms = expecting([1, 2, 3]);
        assert_eq!(confirms.hear(vec![word(2, returned(1))]), []);
        let fates = sorted(confirms.hear(vec![word(1, returned(2))]));
        assert_eq!(fates, [(1, no_route()), (2, no_route())]);
        assert_eq!(confirms.hear(vec![word(3, None)]), [(3, Fate::Stored)]);
    }

    #[test]
    fn the_last_one_under_way_ends_all_doubt() {
        let mut confirms = expecting([1, 2]);
        let fates = sorted(confirms.hear(vec![word(2, returned(1)), word(1, None)]));
        assert_eq!(fates, [(1, no_route()), (2, Fate::Stored)]);
    }

    #[test]
    fn the_same_message_twice_is_returned_twice() {
        let mut confirms = Confirms::default();
        confirms.expect(1, sent(1));
        confirms.expect(2, sent(1));
        let fates = sorted(confirms.hear(vec![word(1, returned(1)), word(2, None)]));
        assert_eq!(fates, [(1, no_route()), (2, no_route())]);
    }

    #[test]
    fn no_order_of_confirms_hides_a_message_that_came_back() {
        // All ways in which the client can deal out two returned messages of four.
        for bits in 0..16_u64 {
            let lost: Vec<u64> = (0..4).filter(|number| bits >> number & 1 == 1).collect();
            for order in orders(&[0, 1, 2, 3]) {
                let mut confirms = expecting(0..4);
                let (mut waiting, mut fates) =
                    (std::collections::VecDeque::from(lost.clone()), vec![]);
                for number in order {
                    let carried = waiting.pop_front().and_then(returned);
                    fates.extend(confirms.hear(vec![word(number, carried)]));
                }
                let expected: Vec<_> = (0..4)
                    .map(|n| (n, if lost.contains(&n) { no_route() } else { Fate::Stored }))
                    .collect();
                assert_eq!(sorted(fates), expected, "{lost:?}");
            }
        }
    }

    fn orders(numbers: &[u64]) -> Vec<Vec<u64>> {
        if numbers.is_empty() {
            return vec![vec![]];
        }
        let with = |first: &u64| {
            let rest: Vec<u64> = numbers.iter().copied().filter(|number| number != first).collect();
            orders(&rest).into_iter().map(|rest| [vec![*first], rest].concat()).collect::<Vec<_>>()
        };
        numbers.iter().flat_map(with).collect()
    }
}
