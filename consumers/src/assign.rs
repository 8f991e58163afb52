//! Who should work on what: a pure function of what everybody sees, so that all come to the same
//! answer without asking each other. Whoever sees something old is kept from harm by the fences.

use std::collections::BTreeMap;

use annals_core::Slice;
use uuid::Uuid;

/// A partition, as far as sharing goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Slot<P> {
    /// Which it is.
    pub(crate) partition: P,
    /// Who has it and is alive; nobody if it is free.
    pub(crate) owner: Option<Uuid>,
}

/// What one member is to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Plan<P> {
    /// What it should take.
    pub(crate) claim: Vec<P>,
    /// What it should let go.
    pub(crate) release: Vec<P>,
    /// Whether others still have to let go of something for it.
    pub(crate) waits: bool,
}

/// What `me` should do about the partitions of one consumer, given who is alive, has its handler and
/// takes new work. Shares differ by at most one when everybody has done what this says, and nothing is
/// moved that need not be.
pub(crate) fn plan<P: Clone + Ord>(
    consumer: &str,
    members: &[Uuid],
    slots: &[Slot<P>],
    me: Uuid,
) -> Plan<P> {
    let mut plan = Plan { claim: Vec::new(), release: Vec::new(), waits: false };
    let mut shares: BTreeMap<Uuid, usize> = members.iter().map(|member| (*member, 0)).collect();
    if !shares.contains_key(&me) {
        return plan;
    }
    for owner in slots.iter().filter_map(|slot| slot.owner) {
        if let Some(share) = shares.get_mut(&owner) {
            *share += 1;
        }
    }
    let mut mine: Vec<&P> =
        slots.iter().filter(|slot| slot.owner == Some(me)).map(|slot| &slot.partition).collect();
    mine.sort();
    // Among equals, another one for every consumer, so that those with one partition are spread out.
    let tie = |member: &Uuid| (Slice::of(&format!("{consumer}/{member}")).get(), *member);
    let mut free: Vec<&P> =
        slots.iter().filter(|slot| slot.owner.is_none()).map(|slot| &slot.partition).collect();
    free.sort();
    for partition in free {
        let least = shares.iter_mut().min_by_key(|(member, share)| (**share, tie(member)));
        // There is at least `me`.
        let Some((member, share)) = least else { break };
        *share += 1;
        if *member == me {
            plan.claim.push(partition.clone());
        }
    }
    loop {
        let most = shares.iter().max_by_key(|(member, share)| (**share, tie(member)));
        let least = shares.iter().min_by_key(|(member, share)| (**share, tie(member)));
        let (Some((most, high)), Some((least, low))) = (most, least) else { return plan };
        if high - low < 2 {
            return plan;
        }
        let (most, least) = (*most, *least);
        if most == me {
            // What is about to be claimed is not let go at once.
            match mine.pop() {
                Some(partition) => plan.release.push(partition.clone()),
                None => drop(plan.claim.pop()),
            }
        }
        plan.waits |= least == me;
        for (member, change) in [(most, -1), (least, 1)] {
            if let Some(share) = shares.get_mut(&member) {
                *share = share.saturating_add_signed(change);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn member(n: u128) -> Uuid {
        Uuid::from_u128(n + 1)
    }

    /// Everybody does what their plan says, on the same view; first those who let go.
    fn round(members: &[Uuid], slots: &mut [Slot<u32>]) -> usize {
        let seen = slots.to_vec();
        let mut moves = 0;
        for me in members {
            let plan = plan("balances", members, &seen, *me);
            for slot in slots.iter_mut() {
                if plan.release.contains(&slot.partition) {
                    assert_eq!(slot.owner, Some(*me), "only what is one's own is let go");
                    slot.owner = None;
                    moves += 1;
                }
                if plan.claim.contains(&slot.partition) {
                    assert_eq!(slot.owner, None, "nobody else claims it");
                    slot.owner = Some(*me);
                    moves += 1;
                }
            }
        }
        moves
    }

    proptest! {
        #[test]
        fn shares_come_to_differ_by_at_most_one(
            members in 1u128..9,
            owners in prop::collection::vec(prop::option::of(0u128..9), 1..33),
        ) {
            let living: Vec<_> = (0..members).map(member).collect();
            let mut slots: Vec<_> = (0..).zip(owners)
                .map(|(partition, owner)| {
                    // Whoever is dead has nothing.
                    let owner = owner.filter(|owner| *owner < members).map(member);
                    Slot { partition, owner }
                })
                .collect();
            for _ in 0..4 {
                round(&living, &mut slots);
            }
            prop_assert_eq!(round(&living, &mut slots), 0, "it comes to rest");
            let shares: Vec<_> = living.iter()
                .map(|me| slots.iter().filter(|slot| slot.owner == Some(*me)).count())
                .collect();
            let (least, most) = (shares.iter().min().unwrap(), shares.iter().max().unwrap());
            prop_assert!(most - least <= 1, "{:?}", shares);
            prop_assert_eq!(shares.iter().sum::<usize>(), slots.len(), "nothing is left over");
        }
    }

    #[test]
    fn a_member_without_the_handler_touches_nothing() {
        let slots = [Slot { partition: 0, owner: None }];
        let plan = plan("balances", &[member(0)], &slots, member(1));
        assert_eq!((plan.claim.len(), plan.release.len()), (0, 0));
    }

    #[test]
    fn nothing_moves_without_need() {
        let (a, b) = (member(0), member(1));
        let slots = [Slot { partition: 0, owner: Some(a) }];
        for me in [a, b] {
            let plan = plan("balances", &[a, b], &slots, me);
            assert_eq!((plan.claim.len(), plan.release.len(), plan.waits), (0, 0, false));
        }
    }

    #[test]
    fn consumers_of_one_partition_are_spread_out() {
        let members: Vec<_> = (0..4).map(member).collect();
        let slots = [Slot { partition: 0, owner: None }];
        let mut shares = BTreeMap::new();
        for n in 0..40 {
            let name = format!("consumer-{n}");
            let takes = |me: &&Uuid| !plan(&name, &members, &slots, **me).claim.is_empty();
            *shares.entry(*members.iter().find(takes).unwrap()).or_insert(0) += 1;
        }
        assert!(shares.len() == 4 && shares.values().all(|share| *share < 20), "{shares:?}");
    }
}
