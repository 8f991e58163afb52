//! `service bank|taxes|shop|orders|inventory STORE BROKER PLACE LABEL [HISTORY]`: one of the processes of a service, until its input
//! ends; it is there to be killed and frozen. The shop runs a saga and needs no broker; orders runs one whose commands inventory executes, over two places of the broker. The bank sends what is in its store to a place of the broker, the
//! other keeps it in a store of its own, and begins with the history that is served at a URL, if it is told one.
//! It says `started` when it has.

use std::sync::Arc;
use std::time::Duration;

use annals::http::HttpHistory;
use annals::outbox::Inbound;
use annals::sagas::Commands;
use annals::{Annals, EngineOptions};
use annals_tests::brokers::client;
use annals_tests::facts::{Deposits, Facts};
use annals_tests::shop::{
    Answers, Checkout, FarCheckout, Release, Reservations, Reserve, ShopEvent, ToInventory,
};

/// How many events a page of history is made of: few, so that it is killed between two pages and within one.
const PAGE_EVENTS: usize = 20;

type Outcome<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [service, store, broker, place, label, history @ ..] = arguments.as_slice() else {
        return Err(
            "needs bank|taxes|shop|orders|inventory STORE BROKER PLACE LABEL [HISTORY]".into()
        );
    };
    let mut options = EngineOptions {
        label: label.clone(),
        lease: Duration::from_millis(1_500),
        retry_at_most: Duration::from_millis(500),
        retry_in_place: Duration::from_millis(50),
        parked_after: Duration::from_millis(300),
        stop_within: Duration::from_secs(3),
        ..EngineOptions::default()
    };
    let history = match history {
        [] => None,
        [url, ..] => {
            options.page_events = PAGE_EVENTS;
            Some(Arc::new(HttpHistory::new(url)?))
        }
    };
    let program = Annals::open(store).await?.engine_options(options);
    let program = match service.as_str() {
        "bank" => {
            let (publisher, address) = client::publisher(broker, place).await?;
            program.publish(Facts(address), publisher)
        }
        "taxes" => {
            let inbound = Inbound::on("taxes", client::source(broker, place).await?);
            let inbound = match history {
                Some(history) => inbound.history(history),
                None => inbound,
            };
            program.project_from(&inbound, Deposits)
        }
        "shop" => program.events::<ShopEvent>().saga::<Checkout>(),
        "orders" => {
            let (publisher, address) = client::publisher(broker, &format!("{place}_there")).await?;
            let answers = client::source(broker, &format!("{place}_back")).await?;
            let program = program.events::<ShopEvent>().saga::<FarCheckout>();
            let program = program.publish(ToInventory(address), publisher);
            program.saga_hears::<FarCheckout>(&Inbound::on("orders", answers))
        }
        "inventory" => {
            let (publisher, address) = client::publisher(broker, &format!("{place}_back")).await?;
            let commands = client::source(broker, &format!("{place}_there")).await?;
            let program = program.events::<ShopEvent>();
            let program = program.publish(Answers(address.clone()), publisher.clone());
            let program = program.publish(Reservations(address), publisher);
            let known = Commands::of::<Reserve>().and::<Release>();
            program.execute_from(&Inbound::on("inventory", commands), "executor", known)
        }
        other => return Err(format!("there is no service `{other}`").into()),
    };
    let annals = program.start().await?;
    println!("started");
    let ended = tokio::task::spawn_blocking(|| std::io::stdin().read_line(&mut String::new()));
    ended.await??;
    annals.shutdown().await;
    Ok(())
}
