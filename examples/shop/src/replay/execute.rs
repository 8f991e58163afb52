//! The plan, carried out by several tasks. Every command has a key that is made of the invoice's
//! number: the same file again, or a run that was broken off, doubles nothing.

use std::sync::Arc;
use std::time::{Duration, Instant};

use annals::{Annals, Uuid};

use super::ledger::Tally;
use super::plan::{Article, Invoice, Plan, customer_name};
use crate::Failure;
use crate::desk::{Desk, Done, Outcome};
use crate::domain::{Customer, Product};
use crate::screen::{Screen, count, seconds};
use crate::shop;
use crate::together::together;

/// How many are at work at a time. They wait for commits and not for the processor: the more wait
/// together, the fewer commits.
const AT_ONCE: usize = 24;

/// How many invoices are on their way at a time. The lines of one are reserved one after the other, so that it takes
/// many to share the commits.
const INVOICES_AT_ONCE: usize = 256;

/// What became of the invoices.
#[derive(Debug, Default)]
pub(super) struct Executed {
    pub(super) confirmed: u64,
    pub(super) credited: u64,
    /// Of all, how many had been executed by an earlier run.
    pub(super) repeated: u64,
    /// The lines of orders that the shop rejected: the stock of another file may have run out.
    pub(super) rejected: Tally,
}

pub(super) async fn execute(
    annals: &Annals,
    desk: &Arc<Desk>,
    screen: &Screen,
    plan: &Arc<Plan>,
) -> Result<Executed, Failure> {
    let before = annals.log().head().await?;
    let begun = Instant::now();
    screen.heading("From invoices to events");
    register_customers(annals, screen, plan).await?;
    stock_products(annals, screen, plan).await?;
    let executed = trade(desk, screen, plan).await?;
    shop::settled(annals, desk).await?;
    let (took, events) = (begun.elapsed(), annals.log().head().await?.since(before));
    screen.say(format_args!("  {}", executed.summary(events, took)));
    Ok(executed)
}

async fn register_customers(annals: &Annals, screen: &Screen, plan: &Plan) -> Result<(), Failure> {
    let progress = screen.progress("customers", plan.customers.len() as u64);
    let registering = plan
        .customers
        .iter()
        .map(|(id, countries)| register(annals.clone(), id.clone(), countries.clone()));
    let mut done = 0;
    together(registering, AT_ONCE, |()| {
        done += 1;
        progress.set(done, String::new);
        true
    })
    .await?;
    progress.finish();
    Ok(())
}

async fn register(shop: Annals, id: String, countries: Vec<String>) -> Result<(), Failure> {
    let Some((first, later)) = countries.split_first() else { return Ok(()) };
    let name = customer_name(&id);
    shop.execute(&id, |customer: &Customer| customer.register(&name, first)).await?;
    for country in later {
        shop.execute(&id, |customer: &Customer| customer.move_to(country))
            .idempotency_key(format!("move/{id}/{country}"))
            .await?;
    }
    Ok(())
}

/// The shop did not publish its stock, so each product is received in the quantity that the file
/// sells of it, and a tenth more.
async fn stock_products(annals: &Annals, screen: &Screen, plan: &Arc<Plan>) -> Result<(), Failure> {
    let progress = screen.progress("products", plan.products.len() as u64);
    let stocking = plan.products.keys().map(|code| {
        let (shop, plan, code) = (annals.clone(), plan.clone(), code.clone());
        async move { stock(&shop, &code, &plan.products[&code], plan.fingerprint).await }
    });
    let mut done = 0;
    together(stocking, AT_ONCE, |()| {
        done += 1;
        progress.set(done, String::new);
        true
    })
    .await?;
    progress.finish();
    Ok(())
}

async fn stock(shop: &Annals, code: &String, article: &Article, file: Uuid) -> Result<(), Failure> {
    let name = if article.name().is_empty() { code } else { article.name() };
    shop.execute(code, |product: &Product| product.list(name, article.price)).await?;
    // What only came back was never on a shelf here.
    if article.sold > 0 {
        let quantity = article.sold + article.sold / 10 + 1;
        shop.execute(code, |product: &Product| product.receive(quantity))
            .idempotency_key(format!("opening stock/{file}/{code}"))
            .await?;
    }
    Ok(())
}

async fn trade(desk: &Arc<Desk>, screen: &Screen, plan: &Arc<Plan>) -> Result<Executed, Failure> {
    let progress = screen.progress("invoices", plan.invoices.len() as u64);
    let trading = (0..plan.invoices.len()).map(|place| {
        let (desk, plan) = (desk.clone(), plan.clone());
        async move { Ok((place, send(&desk, &plan.invoices[place]).await?)) }
    });
    let (mut executed, mut done) = (Executed::default(), 0);
    together(trading, INVOICES_AT_ONCE, |(place, sent)| {
        executed.count(&plan.invoices[place], sent);
        done += 1;
        progress.set(done, String::new);
        true
    })
    .await?;
    progress.finish();
    Ok(executed)
}

async fn send(desk: &Desk, invoice: &Invoice) -> Result<Done, Failure> {
    match invoice {
        Invoice::Sale(purchase) => desk.check_out(purchase).await,
        Invoice::Credit(back) => desk.take_back(back).await,
    }
}

impl Executed {
    fn count(&mut self, invoice: &Invoice, done: Done) {
        self.repeated += u64::from(done.repeated);
        match done.outcome {
            Outcome::Confirmed => self.confirmed += 1,
            Outcome::Credited => self.credited += 1,
            Outcome::Rejected(_) => {
                invoice.lines().iter().for_each(|line| self.rejected.add(line.amount()));
            }
        }
    }

    fn summary(&self, events: u64, took: Duration) -> String {
        format!(
            "{} new events in {}: {} orders confirmed, {} credit notes, {} of these repeated from \
             an earlier run",
            count(events),
            seconds(took),
            count(self.confirmed),
            count(self.credited),
            count(self.repeated)
        )
    }
}
