//! A process that keeps the read model beside others, and rebuilds it now and then.

use std::time::Duration;

use annals::Annals;
use annals_tests::random::Random;

use crate::Outcome;
use crate::tally::Tallies;

/// Follows until it is killed.
pub(crate) async fn follow(url: &str, seed: u64) -> Outcome {
    let mut random = Random::new(seed);
    let annals = Annals::open(url).await?.project(Tallies).start().await?;
    loop {
        tokio::time::sleep(Duration::from_millis(random.below(2_000))).await;
        let rebuild = annals.rebuild::<Tallies>();
        if random.below(3) == 0 {
            tokio::time::sleep(Duration::from_millis(random.below(100))).await;
            rebuild.cancel();
        }
        // The other follower may be at it, and the server away: neither is a broken promise.
        let _ = rebuild.await;
    }
}
