//! Every notification gets lost on its way: whoever follows the log finds what was appended when it looks by
//! itself, before the longest time between two looks has passed.
//!
//! How long that is, is judged where time passes only while nobody has anything to do. On a server everything
//! takes as long as the machine is busy, and an event that is appended right after a look waits for the whole
//! time between two looks and for what the machine needs itself: there it only has to be found.

use std::sync::Arc;
use std::time::Duration;

use annals::prelude::*;
use annals::{Annals, ConsumeError, EngineOptions, MemoryStore, Position, Subscriber, async_trait};
use annals_testkit::FaultyStore;
use annals_tests::bank::AccountEvent;
use annals_tests::postgres::{Proxy, host_of, proxied};
use annals_tests::random::{Random, seed};
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::homes::deposit;
use crate::postgres::place::{Place, open};

/// The longest time between two looks of one who counts on being told.
const INTERVAL: Duration = Duration::from_secs(1);

/// What timers are exact to.
const TICK: Duration = Duration::from_millis(1);

const APPENDS: usize = 25;

/// How long a follower may take to find what is there; the machine may be busy.
const PATIENCE: Duration = Duration::from_secs(20);

type Tells = mpsc::UnboundedReceiver<(Position, Instant)>;

/// One of several followers: each looks at moments of its own.
struct Telling<const N: usize> {
    told: mpsc::UnboundedSender<(Position, Instant)>,
}

#[async_trait]
impl<const N: usize> Subscriber for Telling<N> {
    type Event = AccountEvent;
    const NAME: &'static str = ["first", "second", "third", "fourth"][N];
    const PARTITIONS: u32 = 1;

    async fn handle(&self, event: &Recorded<AccountEvent>) -> Result<(), ConsumeError> {
        self.told.send((event.position, Instant::now())).map_err(ConsumeError::retry)
    }
}

#[tokio::test(start_paused = true)]
async fn it_is_found_within_the_interval() {
    let store = FaultyStore::new(Arc::new(MemoryStore::default()));
    let writer = Annals::on_shared(store.inner().clone()).events::<AccountEvent>();
    let writer = writer.start().await.expect("it starts");
    store.faults().drop_wakeups();
    let (told, mut tells) = mpsc::unbounded_channel();
    // A thread of its own has a clock of its own.
    let options = EngineOptions { own_thread: false, ..EngineOptions::default() };
    let program = Annals::on(store).subscriber(Telling::<0> { told }).engine_options(options);
    let program = program.start().await.expect("it starts");

    let mut took = Vec::new();
    // The longer nothing has come, the less often it looks: every moment between two looks has its turn.
    for pause in (0..3 * INTERVAL.as_millis()).step_by(7) {
        tokio::time::sleep(Duration::from_millis(pause as u64)).await;
        let begun = Instant::now();
        let position = deposit(&writer, 1, 1).await;
        let (told, at) = tells.recv().await.expect("it runs");
        assert_eq!(told, position);
        took.push((at - begun, pause));
    }
    let (longest, pause) = took.iter().max().expect("it was told");
    println!("from append to effect {longest:?} at the most, {pause} ms after the one before");
    assert!(*longest <= INTERVAL + TICK, "{took:?}");
    assert!(*longest > INTERVAL / 2, "it looks seldom when nothing comes: {took:?}");
    program.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_is_found_by_looking() {
    let played = tokio::time::timeout(Duration::from_secs(120), story()).await;
    played.expect("it comes to an end");
}

async fn story() {
    let mut random = Random::new(seed());
    let place = Place::shared().await;
    let proxy = Proxy::to(host_of(&place.url)).await;
    proxy.lose_notifications();
    let writer = Annals::on_shared(place.store().await).events::<AccountEvent>();
    let writer = writer.start().await.expect("it starts");
    let mut followers = [
        follow::<0>(&place, &proxy).await,
        follow::<1>(&place, &proxy).await,
        follow::<2>(&place, &proxy).await,
        follow::<3>(&place, &proxy).await,
    ];

    let mut took = Vec::new();
    for n in 0..APPENDS {
        // The longer nothing has come, the less often they look.
        let pause = if n % 3 == 0 { 1_200 + random.below(1_000) } else { random.below(200) };
        tokio::time::sleep(Duration::from_millis(pause)).await;
        let begun = Instant::now();
        let position = deposit(&writer, 1, 1).await;
        for (_, tells) in &mut followers {
            let found = tokio::time::timeout(PATIENCE, tells.recv()).await;
            let (told, at) = found.expect("it looks").expect("it runs");
            assert_eq!(told, position);
            took.push(at - begun);
        }
    }
    took.sort_unstable();
    let (median, p99) = (took[took.len() / 2], took[took.len() * 99 / 100 - 1]);
    let lost = proxy.lost_notifications();
    println!("from append to effect {median:?}, p99 {p99:?}; {lost} notifications got lost");
    assert!(lost >= APPENDS, "they were lost, and not late");
    for (program, _) in followers {
        program.shutdown().await;
    }
}

/// A program that follows the log through the proxy.
async fn follow<const N: usize>(place: &Place, proxy: &Proxy) -> (Annals, Tells) {
    let (told, tells) = mpsc::unbounded_channel();
    let store = open(place.options_at(&proxied(&place.url, proxy)).pool(2)).await;
    let program = Annals::on_shared(store).subscriber(Telling::<N> { told });
    (program.start().await.expect("it starts"), tells)
}
