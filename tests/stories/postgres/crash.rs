//! The server crashes, or is restarted, while eight write. Afterwards everything acknowledged is there, nothing
//! is half there, and positions are dense (I1, I2). The writers' store finds the server again by
//! itself, and asks what became of the appends that were under way.

use annals_tests::ledger::{Ledger, whole_log};
use annals_tests::postgres::Server;
use annals_tests::random::Random;

use super::crowd::{Crowd, PATIENCE};
use super::place::{Place, open};

const ROUNDS: u64 = 12;
const WRITERS: u64 = 8;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost() {
    let seed = uuid::Uuid::now_v7().as_u128() as u64;
    println!("seed {seed}");
    let mut random = Random::new(seed);
    let mut server = Server::start().await;
    let place = Place::on(&server);
    let store = open(place.options().connect_retry(PATIENCE)).await;
    let mut ledger = Ledger::default();
    for round in 0..ROUNDS {
        let crowd = Crowd::start(&store, WRITERS, &format!("r{round}"), seed ^ (round << 40));
        crowd.write(1 + random.below(150)).await;
        match round % 3 {
            0 => server.stop_immediate(),
            1 => server.kill_9(),
            _ => server.stop_fast(),
        }
        server.start_again().await;
        // Every writer goes on after the crash with the store it has.
        ledger.merge(crowd.finish().await);

        let afresh = place.store().await;
        ledger.check(&whole_log(&*afresh).await);
        afresh.close().await;
    }
    assert!(
        ledger.acknowledged.len() as u64 > ROUNDS * WRITERS,
        "the rounds acknowledged something"
    );
    println!(
        "{} acknowledged, {} refused, {} unknown",
        ledger.acknowledged.len(),
        ledger.refused.len(),
        ledger.unknown.len()
    );
}
