//! Every notification gets lost on its way: whoever follows the log finds what was appended when it looks by
//! itself, well before the longest time between two looks has passed.

use std::time::Duration;

use annals::prelude::*;
use annals::{Annals, ConsumeError, Position, Subscriber, async_trait};
use annals_tests::bank::AccountEvent;
use annals_tests::postgres::{Proxy, host_of, proxied};
use annals_tests::random::Random;
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::homes::deposit;
use crate::postgres::place::{Place, open};

/// The longest time between two looks of one who counts on being told.
const INTERVAL: Duration = Duration::from_secs(1);

const APPENDS: usize = 25;

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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_is_found_by_looking() {
    let played = tokio::time::timeout(Duration::from_secs(120), story()).await;
    played.expect("it comes to an end");
}

async fn story() {
    let seed = uuid::Uuid::now_v7().as_u128() as u64;
    println!("seed {seed}");
    let mut random = Random::new(seed);
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
            let (told, at) = tells.recv().await.expect("it runs");
            assert_eq!(told, position);
            took.push(at - begun);
        }
    }
    took.sort_unstable();
    let (median, p99) = (took[took.len() / 2], took[took.len() * 99 / 100 - 1]);
    let lost = proxy.lost_notifications();
    println!("from append to effect {median:?}, p99 {p99:?}; {lost} notifications got lost");
    assert!(lost >= APPENDS, "they were lost, and not late");
    assert!(p99 < INTERVAL, "{took:?}");
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
