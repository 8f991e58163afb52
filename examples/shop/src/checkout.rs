//! The way of an order through the aggregates, and back if one of them refuses.
//!
//! Every step has an idempotency key made of the order's number: a purchase that comes again, or
//! that a crash left half done, goes on where it stood and has its effect once.

use crate::Failure;
use crate::domain::{
    Charge, CreditNote, Line, Order, Payment, PaymentEvent, PlaceOrder, Product, ProductError,
    Rejection, Status, amount_of,
};
use crate::together::together;
use annals::store::CommandKey;
use annals::{Annals, Decimal, ExecuteError, Origin};

/// How many lines of one order are at work at a time: enough to share commits, and an invoice of
/// 600 lines leaves room for others.
const LINES_AT_ONCE: usize = 16;

#[derive(Debug, Clone)]
pub(crate) struct Purchase {
    pub(crate) id: String,
    pub(crate) order: PlaceOrder,
    pub(crate) method: &'static str,
    /// What the buyer's bank allows, if anything limits it.
    pub(crate) limit: Option<Decimal>,
}

#[derive(Debug, Clone)]
pub(crate) struct Return {
    pub(crate) id: String,
    pub(crate) note: CreditNote,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    Confirmed,
    Rejected(Rejection),
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Done {
    pub(crate) outcome: Outcome,
    /// Whether all of it had happened before.
    pub(crate) repeated: bool,
}

/// Places the order, takes the goods off the shelves, charges, and confirms; or rejects, and puts
/// back what was taken.
pub(crate) async fn check_out(annals: &Annals, purchase: &Purchase) -> Result<Done, Failure> {
    let id = &purchase.id;
    let placed = annals
        .execute(id, purchase.order.clone())
        .idempotency_key(key(id, "place"))
        .origin(origin(id))
        .await?;
    if placed.repeated {
        match annals.load::<Order>(id).await?.state.status {
            Status::Confirmed => return Ok(Done { outcome: Outcome::Confirmed, repeated: true }),
            Status::Rejected(reason) => {
                put_back(annals, purchase).await?;
                return Ok(Done { outcome: Outcome::Rejected(reason), repeated: true });
            }
            // It was left half done.
            Status::Unknown | Status::Placed | Status::Credited => {}
        }
    }
    let refusal = match take_goods(annals, purchase).await? {
        None => charge(annals, purchase).await?,
        refusal => refusal,
    };
    let Some((reason, detail)) = refusal else {
        annals
            .execute(id, |order: &Order| order.confirm())
            .idempotency_key(key(id, "confirm"))
            .origin(origin(id))
            .await?;
        return Ok(Done { outcome: Outcome::Confirmed, repeated: false });
    };
    // First the decision, then what follows from it: if a crash comes between the two, the goods
    // are put back when the order comes again.
    annals
        .execute(id, |order: &Order| order.reject(reason, &detail))
        .idempotency_key(key(id, "reject"))
        .origin(origin(id))
        .await?;
    put_back(annals, purchase).await?;
    Ok(Done { outcome: Outcome::Rejected(reason), repeated: false })
}

/// Writes a credit note, puts the goods back on the shelves and refunds. Returns whether all of
/// it had happened before.
pub(crate) async fn take_back(annals: &Annals, back: &Return) -> Result<bool, Failure> {
    let id = &back.id;
    annals
        .execute(id, back.note.clone())
        .idempotency_key(key(id, "credit"))
        .origin(origin(id))
        .await?;
    let shop = annals.clone();
    each_line(id, &back.note.lines, move |step| {
        let shop = shop.clone();
        async move {
            let Step { id, at, line } = step;
            let amount = line.amount();
            shop.execute(&line.product, |product: &Product| {
                product.take_back(&id, line.quantity, amount)
            })
            .idempotency_key(key(&id, &format!("take back/{at}")))
            .origin(origin(&id))
            .await?;
            Ok(None)
        }
    })
    .await?;
    let amount = amount_of(&back.note.lines);
    let refunded = annals
        .execute(id, |payment: &Payment| payment.refund(amount))
        .idempotency_key(key(id, "refund"))
        .origin(origin(id))
        .await?;
    Ok(refunded.repeated)
}

type Refusal = Option<(Rejection, String)>;

async fn take_goods(annals: &Annals, purchase: &Purchase) -> Result<Refusal, Failure> {
    let shop = annals.clone();
    each_line(&purchase.id, &purchase.order.lines, move |step| {
        let shop = shop.clone();
        async move {
            let Step { id, at, line } = step;
            let amount = line.amount();
            let sold = shop
                .execute(&line.product, |product: &Product| {
                    product.sell(&id, line.quantity, amount)
                })
                .idempotency_key(sell_key(&id, at))
                .origin(origin(&id))
                .await;
            match sold {
                Ok(_) => Ok(None),
                Err(ExecuteError::Domain(refusal @ ProductError::OutOfStock { .. })) => {
                    Ok(Some((Rejection::OutOfStock, format!("{}: {refusal}", line.name))))
                }
                Err(error) => Err(error.into()),
            }
        }
    })
    .await
}

async fn charge(annals: &Annals, purchase: &Purchase) -> Result<Refusal, Failure> {
    let charge = Charge {
        method: purchase.method.to_owned(),
        amount: amount_of(&purchase.order.lines),
        limit: purchase.limit,
    };
    let charged = annals
        .execute(&purchase.id, charge)
        .idempotency_key(key(&purchase.id, "charge"))
        .origin(origin(&purchase.id))
        .await?;
    Ok(charged.events.into_iter().find_map(|event| match event {
        PaymentEvent::Declined { reason, .. } => Some((Rejection::Declined, reason)),
        PaymentEvent::Authorised { .. } | PaymentEvent::Refunded { .. } => None,
    }))
}

/// Puts back the lines that were sold, each of them once.
async fn put_back(annals: &Annals, purchase: &Purchase) -> Result<(), Failure> {
    let shop = annals.clone();
    each_line(&purchase.id, &purchase.order.lines, move |step| {
        let shop = shop.clone();
        async move {
            let Step { id, at, line } = step;
            if shop.log().command(&CommandKey::new(sell_key(&id, at))?).await?.is_none() {
                return Ok(None);
            }
            let amount = line.amount();
            shop.execute(&line.product, |product: &Product| {
                product.release(&id, line.quantity, amount)
            })
            .idempotency_key(key(&id, &format!("release/{at}")))
            .origin(origin(&id))
            .await?;
            Ok(None)
        }
    })
    .await?;
    Ok(())
}

struct Step {
    id: String,
    at: usize,
    line: Line,
}

/// Does something for each line with goods, several at a time, and returns the first refusal.
async fn each_line<W, F>(id: &str, lines: &[Line], work: W) -> Result<Refusal, Failure>
where
    W: Fn(Step) -> F,
    F: Future<Output = Result<Refusal, Failure>> + Send + 'static,
{
    let lines = lines.iter().enumerate().filter(|(_, line)| line.goods);
    let step = |(at, line): (usize, &Line)| Step { id: id.to_owned(), at, line: line.clone() };
    let steps: Vec<F> = lines.map(|line| work(step(line))).collect();
    let mut first = None;
    together(steps, LINES_AT_ONCE, |refusal| {
        first = first.take().or(refusal);
        first.is_none()
    })
    .await?;
    Ok(first)
}

fn key(id: &str, step: &str) -> String {
    format!("{id}/{step}")
}

fn sell_key(id: &str, at: usize) -> String {
    key(id, &format!("sell/{at}"))
}

/// All events of one order share its number as their correlation.
fn origin(id: &str) -> Origin {
    Origin::default().correlation(id)
}
