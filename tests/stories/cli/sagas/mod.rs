//! Sagas are seen, steered, recorded and looked after with none of their code.

mod owed;
mod recorded;
mod steered;

use std::time::Instant;

use annals::Annals;
use annals::sagas::Saga;
use annals_tests::shop::ShopEvent;
use serde_json::Value;

use super::command::annals;
use super::program::{PATIENCE, options};
use super::site::Site;

/// A program that runs the shop's saga.
async fn start<S: Saga>(site: &Site) -> Annals {
    let program = Annals::on_shared(site.store().await).events::<ShopEvent>().saga::<S>();
    program.engine_options(options()).start().await.expect("it starts")
}

/// Waits until an instance of the checkout stands so, with more than so many steps.
async fn until(site: &Site, instance: &str, state: &str, steps: u64) -> Value {
    let end = Instant::now() + PATIENCE;
    loop {
        let shown = annals(&site.name(), &["sagas", "show", "checkout", instance, "--json"]);
        if shown.code == 0 {
            let shown = shown.json();
            if shown["state"] == state && shown["steps"].as_u64() > Some(steps) {
                return shown;
            }
        }
        assert!(Instant::now() < end, "{instance} is not {state}: {}{}", shown.out, shown.err);
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
}

/// Nothing that instances send is executed from now on, or all of it.
fn dispatches(site: &Site, does: bool) {
    let verb = if does { "resume" } else { "pause" };
    annals(&site.name(), &["consumers", verb, "checkout-dispatcher", "--who", "ada"]).ok();
}
