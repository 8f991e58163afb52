//! Random appends and reads, on a store and on a model so simple that it is obviously right.
//!
//! A failure prints the seed and the shortest story found. `ANNALS_SEED=<seed>` runs it again,
//! `PROPTEST_CASES=<n>` runs more than 64.

mod model;
mod steps;

use std::sync::Arc;

use annals_core::store::Store;
use annals_testkit::{Fixture, ManualClock, MemoryFixture};
use proptest::test_runner::{Config, RngAlgorithm, TestError, TestRng, TestRunner};

use model::Model;
use steps::{Step, stories};

/// How many stories are told unless `PROPTEST_CASES` says otherwise.
const CASES: u32 = 64;

#[test]
fn memory() {
    store_matches_the_model(|| Box::new(MemoryFixture));
}

/// Tells random stories to stores of one kind, a fresh one each.
pub(crate) fn store_matches_the_model(fixture: impl Fn() -> Box<dyn Fixture>) {
    let seed = annals_tests::random::seed();
    let mut config = Config { failure_persistence: None, ..Config::default() };
    if std::env::var_os("PROPTEST_CASES").is_none() {
        config.cases = CASES;
    }
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.expect("a runtime can be started");

    let told = TestRunner::new_with_rng(config, rng).run(&stories(), |story| {
        runtime.block_on(async {
            let fixture = fixture();
            let store = fixture.open(Arc::new(ManualClock::default())).await;
            tell(&*store, &story).await;
        });
        Ok(())
    });

    match told {
        Ok(()) => {}
        Err(TestError::Fail(reason, story)) => {
            panic!("ANNALS_SEED={seed}: {reason}\nthe shortest story that fails: {story:#?}")
        }
        Err(TestError::Abort(reason)) => panic!("ANNALS_SEED={seed}: {reason}"),
    }
}

async fn tell(store: &dyn Store, story: &[Step]) {
    let mut model = Model::default();
    for step in story {
        step.take(store, &mut model).await;
    }
    model.assert_same_log(store).await;
}
