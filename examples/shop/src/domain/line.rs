//! What orders and credit notes are made of.

use annals::{Date, Decimal, Timestamp};
use jiff::tz::TimeZone;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One line of an order or of a credit note. Quantities are never negative: whether goods go out
/// or come back is said by the event.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Line {
    pub(crate) product: String,
    pub(crate) name: String,
    pub(crate) quantity: i64,
    pub(crate) price: Decimal,
    /// False for what no shelf holds: postage, discounts, manual corrections.
    pub(crate) goods: bool,
}

impl Line {
    pub(crate) fn amount(&self) -> Decimal {
        self.price * Decimal::from(self.quantity)
    }
}

/// The customer as they were when they bought: the order keeps that, whatever changes later.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Buyer {
    /// `None` for a guest.
    pub(crate) customer: Option<String>,
    pub(crate) name: String,
    pub(crate) country: String,
}

pub(crate) fn amount_of(lines: &[Line]) -> Decimal {
    lines.iter().map(Line::amount).sum()
}

pub(crate) fn items_of(lines: &[Line]) -> i64 {
    lines.iter().filter(|line| line.goods).map(|line| line.quantity).sum()
}

/// The shop is British and trades in winter: its day is that of UTC.
pub(crate) fn day_of(at: Timestamp) -> Date {
    at.to_zoned(TimeZone::UTC).date()
}
