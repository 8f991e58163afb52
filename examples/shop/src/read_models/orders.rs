//! An order with its customer, its lines and its payment in one row.

use annals::Decimal;
use annals::prelude::*;

use crate::domain::{Line, OrderEvent, PaymentEvent, amount_of, items_of};

#[derive(ReadModel, Debug, Clone, PartialEq)]
#[read_model(table = "orders", index(country, placed_at))]
pub(crate) struct OrderRow {
    #[key]
    pub(crate) id: String,
    #[index]
    pub(crate) customer: Option<String>,
    pub(crate) customer_name: String,
    pub(crate) country: String,
    pub(crate) placed_at: Timestamp,
    /// `placed`, `confirmed`, `rejected`, or `credit` for a credit note.
    #[index]
    pub(crate) status: String,
    /// How it was paid, or why it was not; why it was rejected.
    pub(crate) note: String,
    pub(crate) items: i64,
    /// Negative on a credit note.
    pub(crate) total: Decimal,
    #[column(json)]
    pub(crate) lines: Vec<Line>,
}

/// The events of two kinds of aggregates; both have the order's number.
#[derive(Event, Debug, Clone, PartialEq)]
#[event(transparent)]
pub(crate) enum OrderOrPayment {
    Order(OrderEvent),
    Payment(PaymentEvent),
}

pub(crate) struct Orders;

impl Projection for Orders {
    type Event = OrderOrPayment;
    type Row = OrderRow;
    const NAME: &str = "orders";
    const VERSION: u32 = 1;

    fn keys(&self, event: &Recorded<OrderOrPayment>) -> Keys<String> {
        event.aggregate_id().into()
    }

    fn fold(&self, id: &String, row: &mut Option<OrderRow>, event: &Recorded<OrderOrPayment>) {
        use OrderEvent::{Confirmed, Credited, Placed, Rejected};
        use PaymentEvent::{Authorised, Refunded};

        match (&event.data, row) {
            (OrderOrPayment::Order(Placed { buyer, placed_at, lines, .. }), row) => {
                *row = Some(OrderRow {
                    id: id.clone(),
                    customer: buyer.customer.clone(),
                    customer_name: buyer.name.clone(),
                    country: buyer.country.clone(),
                    placed_at: *placed_at,
                    status: "placed".into(),
                    note: String::new(),
                    items: items_of(lines),
                    total: amount_of(lines),
                    lines: lines.clone(),
                });
            }
            (OrderOrPayment::Order(Credited { against, buyer, credited_at, lines }), row) => {
                let note = against.as_ref().map(|order| format!("against {order}"));
                *row = Some(OrderRow {
                    id: id.clone(),
                    customer: buyer.customer.clone(),
                    customer_name: buyer.name.clone(),
                    country: buyer.country.clone(),
                    placed_at: *credited_at,
                    status: "credit".into(),
                    note: note.unwrap_or_default(),
                    items: -items_of(lines),
                    total: -amount_of(lines),
                    lines: lines.clone(),
                });
            }
            (OrderOrPayment::Order(Confirmed { .. }), Some(row)) => row.status = "confirmed".into(),
            (OrderOrPayment::Order(Rejected { detail, .. }), Some(row)) => {
                row.status = "rejected".into();
                row.note.clone_from(detail);
            }
            (OrderOrPayment::Payment(Authorised { method, .. }), Some(row)) => {
                row.note = format!("paid by {method}");
            }
            (OrderOrPayment::Payment(Refunded { .. }), Some(row)) => {
                row.note = format!("{} refunded", row.note).trim_start().to_owned();
            }
            (_, None) => {}
        }
    }
}
