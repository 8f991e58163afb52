//! What customers do, drawn from a seed: order number n is the same in every run with that seed,
//! whichever task makes it.

use annals::{Decimal, Timestamp};
use fastrand::Rng;
use jiff::SignedDuration;

use super::catalogue::Article;
use crate::desk::{Outcome, Purchase, Return};
use crate::domain::{Buyer, CreditNote, Line, Pays, PlaceOrder};

/// Orders are spread over so many days up to now.
const DAYS: i64 = 14;

/// The random numbers of one order.
pub(super) fn numbers(seed: u64, order: u64) -> Rng {
    // Neighbouring seeds give similar first numbers, so that the two are mixed first.
    Rng::with_seed(Rng::with_seed(seed).u64(..) ^ order.wrapping_mul(0x9e37_79b9_7f4a_7c15))
}

/// Which of `count` is chosen: the first more often than the last.
pub(super) fn favourite(rng: &mut Rng, count: usize) -> usize {
    rng.usize(0..count).min(rng.usize(0..count))
}

pub(super) fn purchase(
    rng: &mut Rng,
    id: String,
    buyer: Buyer,
    articles: &[Article],
    now: Timestamp,
) -> Purchase {
    let mut lines: Vec<Line> = Vec::new();
    for _ in 0..rng.usize(1..=5) {
        let article = &articles[favourite(rng, articles.len())];
        if lines.iter().any(|line| line.product == article.id) {
            continue;
        }
        lines.push(Line {
            product: article.id.clone(),
            name: article.name.clone(),
            quantity: rng.i64(1..=6),
            price: article.price,
            goods: true,
        });
    }
    lines.push(Line {
        product: "POST".into(),
        name: "Postage".into(),
        quantity: 1,
        price: Decimal::new(495, 2),
        goods: false,
    });
    // Some cards bear little.
    let limit = if rng.u8(0..100) < 8 { rng.i64(20..200) } else { 5_000 };
    let age = SignedDuration::from_secs(rng.i64(0..DAYS * 86_400));
    let placed_at = now.saturating_sub(age).unwrap_or(now);
    let method = if rng.bool() { "card" } else { "transfer" };
    let pays = Pays { method: method.to_owned(), limit: Some(limit.into()) };
    Purchase { id, order: PlaceOrder { buyer, placed_at, lines, pays } }
}

/// Now and then something of an order comes back.
pub(super) fn goods_back(rng: &mut Rng, purchase: &Purchase, outcome: Outcome) -> Option<Return> {
    if outcome != Outcome::Confirmed || rng.u8(0..100) >= 4 {
        return None;
    }
    let PlaceOrder { buyer, placed_at, lines, .. } = &purchase.order;
    let mut line = lines.iter().find(|line| line.goods)?.clone();
    line.quantity = rng.i64(1..=line.quantity);
    let note = CreditNote {
        against: Some(purchase.id.clone()),
        buyer: buyer.clone(),
        credited_at: *placed_at,
        lines: vec![line],
    };
    Some(Return { id: format!("{}-R", purchase.id), note })
}

/// Now and then a van brings something: how much of which product.
pub(super) fn delivery<'a>(rng: &mut Rng, articles: &'a [Article]) -> Option<(&'a Article, i64)> {
    (rng.u8(0..100) < 35).then(|| (&articles[favourite(rng, articles.len())], rng.i64(5..=45)))
}

#[cfg(test)]
mod tests {
    use super::super::catalogue::{articles, customers};
    use super::*;

    #[test]
    fn the_same_seed_draws_the_same_orders() {
        let (articles, now) = (articles(), Timestamp::UNIX_EPOCH);
        let draw = |seed, order| {
            let buyer = Buyer { customer: None, name: "guest".into(), country: "Spain".into() };
            purchase(&mut numbers(seed, order), "1".into(), buyer, &articles, now).order
        };
        assert_eq!(draw(7, 1), draw(7, 1));
        assert_ne!(draw(7, 1), draw(7, 2));
        assert_ne!(draw(7, 1), draw(8, 1));
    }

    #[test]
    fn nobody_and_nothing_is_listed_twice() {
        let mut ids: Vec<_> = articles().into_iter().map(|article| article.id).collect();
        ids.extend(customers().into_iter().map(|(id, ..)| id));
        let all = ids.len();
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), all);
    }
}
