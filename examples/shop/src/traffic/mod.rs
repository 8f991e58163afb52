//! Seeded, bounded traffic from several tasks, and a rebuild in the middle of it.

mod catalogue;
mod counters;
mod draw;
mod rebuild;

use std::sync::Arc;
use std::time::{Duration, Instant};

use annals::{Annals, Timestamp};
use tokio::task::JoinSet;

use crate::Failure;
use crate::desk::Desk;
use crate::domain::{Buyer, Customer, Product};
use crate::report;
use crate::screen::{Screen, count, seconds};
use crate::shop;
use catalogue::Article;
use counters::Counters;

/// How many customers are in the shop at a time.
const TASKS: usize = 24;

/// How long a customer looks around between two orders, at the most, in ms.
const PAUSE_MS: u64 = 40;

/// How often the screen is brought up to date.
const TICK: Duration = Duration::from_millis(100);

/// What all tasks share.
struct Traffic {
    annals: Annals,
    desk: Desk,
    seed: u64,
    orders: u64,
    /// Stands in the numbers of this run's orders: where the log ended when it began.
    run: u64,
    now: Timestamp,
    articles: Vec<Article>,
    customers: Vec<String>,
    counters: Counters,
}

/// Returns whether the rebuild came out right.
pub(crate) async fn run(
    annals: &Annals,
    screen: &Screen,
    seed: u64,
    orders: u64,
) -> Result<bool, Failure> {
    catalogue::open_shop(annals).await?;
    let before = annals.log().head().await?;
    let traffic = Arc::new(Traffic {
        annals: annals.clone(),
        desk: Desk::open(annals).await?,
        seed,
        orders,
        run: before.get(),
        now: whole_seconds(Timestamp::now())?,
        articles: catalogue::articles(),
        customers: catalogue::customers().into_iter().map(|(id, ..)| id).collect(),
        counters: Counters::default(),
    });
    screen.heading(format_args!(
        "{} orders from {TASKS} tasks, drawn from seed {seed}; halfway, `orders` is thrown away and rebuilt",
        count(orders)
    ));
    let begun = Instant::now();
    let rebuilt = watch(&traffic, screen).await?;
    let took = begun.elapsed();

    let head = annals.log().head().await?;
    let events = head.since(before);
    screen.say(format_args!(
        "  {} events in {}: {:.0} a second",
        count(events),
        seconds(took),
        events as f64 / took.as_secs_f64()
    ));
    screen.say(format_args!("  {}", traffic.counters));
    shop::settled(annals, &traffic.desk).await?;
    let right = rebuilt.check(annals, screen).await?;
    report::read_models(annals, screen).await?;
    Ok(right)
}

/// Runs the tasks, shows how they get on, and rebuilds halfway.
async fn watch(traffic: &Arc<Traffic>, screen: &Screen) -> Result<rebuild::Rebuilt, Failure> {
    let mut tasks = JoinSet::new();
    for _ in 0..TASKS {
        tasks.spawn(traffic.clone().work());
    }
    let progress = screen.progress("orders", traffic.orders);
    let mut tick = tokio::time::interval(TICK);
    let mut rebuilding = None;
    loop {
        tokio::select! {
            ended = tasks.join_next() => match ended {
                Some(ended) => ended??,
                None => break,
            },
            _ = tick.tick() => {}
        }
        let done = traffic.counters.done();
        progress.set(done, || traffic.counters.to_string());
        if rebuilding.is_none() && done >= traffic.orders / 2 {
            let rebuilt = rebuild::rebuild(traffic.annals.clone(), screen.clone());
            rebuilding = Some(tokio::spawn(rebuilt));
        }
    }
    progress.finish();
    match rebuilding {
        Some(rebuilding) => rebuilding.await?,
        None => rebuild::rebuild(traffic.annals.clone(), screen.clone()).await,
    }
}

impl Traffic {
    /// Takes the next order until there is none.
    async fn work(self: Arc<Self>) -> Result<(), Failure> {
        while let Some(order) = self.counters.next(self.orders) {
            self.one(order).await?;
        }
        Ok(())
    }

    async fn one(&self, order: u64) -> Result<(), Failure> {
        let mut rng = draw::numbers(self.seed, order);
        if let Some((article, quantity)) = draw::delivery(&mut rng, &self.articles) {
            let receive = |product: &Product| product.receive(quantity);
            self.annals.execute(&article.id, receive).await?;
        }
        let customer = &self.customers[draw::favourite(&mut rng, self.customers.len())];
        let known = self.annals.load::<Customer>(customer).await?.state;
        let buyer =
            Buyer { customer: Some(customer.clone()), name: known.name, country: known.country };
        let id = format!("{}-{order}", self.run);
        let purchase = draw::purchase(&mut rng, id, buyer, &self.articles, self.now);
        let done = self.desk.check_out(&purchase).await?;
        self.counters.count(done.outcome);
        if let Some(back) = draw::goods_back(&mut rng, &purchase, done.outcome) {
            self.counters.count(self.desk.take_back(&back).await?.outcome);
        }
        tokio::time::sleep(Duration::from_millis(rng.u64(0..=PAUSE_MS))).await;
        Ok(())
    }
}

/// The shop's clock shows seconds, and so do its orders.
fn whole_seconds(time: Timestamp) -> Result<Timestamp, Failure> {
    Ok(Timestamp::from_second(time.as_second())?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::read_models::OrderRow;

    #[tokio::test]
    async fn traffic_leaves_everything_equal_and_adds_to_what_is_there() {
        let directory = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}", directory.path().join("shop.db").to_str().unwrap());
        let screen = Screen::silent();
        for run in 1..=2 {
            let shop = shop::open(&url).await.unwrap();
            assert!(super::run(&shop, &screen, 7, 60).await.unwrap());
            assert!(report::proof(&shop, &screen).await.unwrap());
            let orders = shop.read::<OrderRow>().filter(OrderRow::STATUS.differs("credit"));
            assert_eq!(orders.count().await.unwrap(), 60 * run);
            shop.shutdown().await;
        }
    }
}
