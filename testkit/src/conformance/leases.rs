//! I5: one worker a partition, and no commit by one that was paused too long.

use std::time::Duration;

use annals_core::store::{Lease, Store, StoreError, TransactExt};

use super::Subject;

const TTL: Duration = Duration::from_secs(10);

async fn take(store: &dyn Store, holder: &str) -> Option<Lease> {
    store.acquire_lease("balances/0", holder, TTL).await.expect("a lease can be asked for")
}

async fn get(store: &dyn Store, holder: &str) -> Lease {
    take(store, holder).await.expect("the lease is free")
}

/// Commits a state under a lease.
async fn commit(store: &dyn Store, lease: &Lease, text: &'static str) -> Result<(), StoreError> {
    let lease = lease.clone();
    store
        .transact_with(move |transaction| {
            let lease = lease.clone();
            Box::pin(async move {
                transaction.put_state("work", text).await?;
                transaction.check_lease(&lease).await
            })
        })
        .await
}

#[track_caller]
fn assert_lost<T: std::fmt::Debug>(result: Result<T, StoreError>, lease: &Lease) {
    match result {
        Err(StoreError::LeaseLost { name, token }) => {
            assert_eq!((name, token), (lease.name.clone(), lease.token));
        }
        other => panic!("the lease is lost, and the answer was {other:?}"),
    }
}

/// The second has to wait until the first's time is over.
pub async fn one_holder_at_a_time(subject: Subject) {
    let store = &*subject.store;
    let lease = get(store, "ann").await;
    assert_eq!((lease.name.as_str(), lease.holder.as_str()), ("balances/0", "ann"));
    assert!(lease.token > 0, "zero is nobody's token");
    assert_eq!(lease.expires_at, annals_core::Clock::now(&*subject.clock) + TTL);
    assert_eq!(take(store, "bob").await, None);
    subject.clock.advance(TTL - Duration::from_secs(1));
    assert_eq!(take(store, "bob").await, None);
}

/// Asking again prolongs, by asking or by renewing.
pub async fn the_same_holder_keeps_its_token(subject: Subject) {
    let store = &*subject.store;
    let first = get(store, "ann").await;
    for renewing in [false, true, false, true] {
        subject.clock.advance(Duration::from_secs(7));
        let again = if renewing {
            store.renew_lease(&first, TTL).await.expect("it is still ann's")
        } else {
            get(store, "ann").await
        };
        assert_eq!(again.token, first.token);
        assert_eq!(again.expires_at, annals_core::Clock::now(&*subject.clock) + TTL);
        assert_eq!(take(store, "bob").await, None);
    }
}

/// Each new holder gets a larger token than all before it.
pub async fn an_expired_lease_goes_to_a_larger_token(subject: Subject) {
    let store = &*subject.store;
    let mut largest = 0;
    for holder in ["ann", "bob", "ann", "cid", "bob"] {
        let lease = get(store, holder).await;
        assert!(lease.token > largest, "{holder} got {}, after {largest}", lease.token);
        largest = lease.token;
        subject.clock.advance(TTL);
    }
}

/// Late, but nobody noticed.
pub async fn an_expired_lease_nobody_took_is_prolonged(subject: Subject) {
    let store = &*subject.store;
    let lease = get(store, "ann").await;
    subject.clock.advance(TTL * 3);
    let renewed = store.renew_lease(&lease, TTL).await.expect("nobody took it");
    assert_eq!(renewed.token, lease.token);
    assert_eq!(take(store, "bob").await, None);
    commit(store, &lease, "ann's").await.expect("the token is the newest");
}

/// Once another has it, it does not come back.
pub async fn a_lost_lease_is_not_prolonged(subject: Subject) {
    let store = &*subject.store;
    let lost = get(store, "ann").await;
    subject.clock.advance(TTL);
    let taken = get(store, "bob").await;
    assert_lost(store.renew_lease(&lost, TTL).await, &lost);
    assert_eq!(get(store, "bob").await.token, taken.token, "bob's is untouched");
}

/// Given back, it need not expire; who gave it back has lost it.
pub async fn a_released_lease_is_free(subject: Subject) {
    let store = &*subject.store;
    let released = get(store, "ann").await;
    store.release_lease(&released).await.expect("a lease can be released");
    assert_lost(store.renew_lease(&released, TTL).await, &released);
    assert_lost(commit(store, &released, "late").await, &released);
    assert!(get(store, "bob").await.token > released.token);
}

/// The new holder keeps what it has.
pub async fn releasing_a_lost_lease_is_harmless(subject: Subject) {
    let store = &*subject.store;
    let lost = get(store, "ann").await;
    subject.clock.advance(TTL);
    let taken = get(store, "bob").await;
    store.release_lease(&lost).await.expect("releasing is harmless");
    assert_eq!(take(store, "cid").await, None, "it is still bob's");
    commit(store, &taken, "bob's").await.expect("it is still bob's");
}

/// A name is a lease of its own.
pub async fn leases_of_different_names_are_apart(subject: Subject) {
    let store = &*subject.store;
    get(store, "ann").await;
    let other = store.acquire_lease("balances/1", "bob", TTL).await;
    assert!(other.expect("a lease can be asked for").is_some());
}

/// However they race.
pub async fn of_eight_takers_one_gets_it(subject: Subject) {
    for _ in 0..20 {
        let takers: Vec<_> = (0..8)
            .map(|n| {
                let store = subject.store.clone();
                tokio::spawn(async move { take(&*store, &format!("worker {n}")).await })
            })
            .collect();
        let mut winners = 0;
        for taker in takers {
            winners += usize::from(taker.await.expect("no panic").is_some());
        }
        assert_eq!(winners, 1);
        subject.clock.advance(TTL);
    }
}

/// Fencing: the commit itself looks at the token.
pub async fn a_paused_worker_cannot_commit(subject: Subject) {
    let store = &*subject.store;
    let paused = get(store, "ann").await;
    commit(store, &paused, "ann's").await.expect("it is ann's");
    subject.clock.advance(TTL);
    let taken = get(store, "bob").await;
    commit(store, &taken, "bob's").await.expect("it is bob's");
    assert_lost(commit(store, &paused, "ann's, late").await, &paused);
    let state = store.state("work").await.expect("states can be read");
    assert_eq!(state.as_deref(), Some("bob's"));
}

/// A restart must not hand out an old token.
pub async fn tokens_grow_across_reopening(subject: Subject) {
    let before = get(&*subject.store, "ann").await;
    let Some(subject) = subject.reopen().await else { return };
    assert_eq!(take(&*subject.store, "bob").await, None, "it is still ann's");
    subject.clock.advance(TTL);
    assert!(get(&*subject.store, "bob").await.token > before.token);
}
