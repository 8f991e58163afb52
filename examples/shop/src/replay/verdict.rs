//! What a line is, and so what becomes of it.

use annals::Decimal;

use super::entry::Entry;

/// Codes that no shelf holds: carriage, postage, manual corrections, discounts, samples.
const CHARGES: [&str; 6] = ["C2", "DOT", "POST", "M", "D", "S"];

/// What the shop itself pays to others. On a customer's invoice it is a charge like any other.
const FEES: [&str; 2] = ["AMAZONFEE", "BANK CHARGES"];

/// Every line of a file has exactly one of these, in the order in which they are reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Verdict {
    SoldToCustomer,
    SoldToGuest,
    Charged,
    ReturnedByCustomer,
    ReturnedByGuest,
    ChargeCredited,
    StockFound,
    StockWrittenOff,
    OwnFee,
    NegativePrice,
    NoQuantity,
    NegativeWithoutCancellation,
    CancellationWithoutReturn,
    ContradictsInvoice,
    Malformed,
}

impl Verdict {
    /// A line that can be read, looked at by itself.
    pub(super) fn of(entry: &Entry) -> Self {
        let (cancels, guest) = (is_cancellation(&entry.invoice), entry.customer.is_none());
        if entry.price < Decimal::ZERO {
            return Self::NegativePrice;
        }
        match entry.quantity {
            0 => Self::NoQuantity,
            ..0 if entry.price.is_zero() => Self::StockWrittenOff,
            1.. if entry.price.is_zero() => Self::StockFound,
            ..0 if !cancels => Self::NegativeWithoutCancellation,
            1.. if cancels => Self::CancellationWithoutReturn,
            _ if guest && FEES.contains(&entry.code.as_str()) => Self::OwnFee,
            1.. if !is_goods(&entry.code) => Self::Charged,
            1.. if guest => Self::SoldToGuest,
            1.. => Self::SoldToCustomer,
            _ if !is_goods(&entry.code) => Self::ChargeCredited,
            _ if guest => Self::ReturnedByGuest,
            _ => Self::ReturnedByCustomer,
        }
    }

    pub(super) fn is_accepted(self) -> bool {
        self <= Self::ChargeCredited
    }

    /// As it is reported.
    pub(super) fn reason(self) -> &'static str {
        match self {
            Self::SoldToCustomer => "goods sold to a customer",
            Self::SoldToGuest => "goods sold to a guest (no customer)",
            Self::Charged => "charge: postage, manual, voucher, …",
            Self::ReturnedByCustomer => "C: goods returned by a customer",
            Self::ReturnedByGuest => "C: goods returned by a guest",
            Self::ChargeCredited => "C: charge credited, discount",
            Self::StockFound => "price 0: stock found or given away",
            Self::StockWrittenOff => "price 0, negative: stock written off",
            Self::OwnFee => "the shop's own fees, no customer",
            Self::NegativePrice => "negative price",
            Self::NoQuantity => "quantity 0",
            Self::NegativeWithoutCancellation => "negative quantity without C",
            Self::CancellationWithoutReturn => "C, but the quantity is positive",
            Self::ContradictsInvoice => "another customer than its invoice",
            Self::Malformed => "malformed",
        }
    }
}

/// An invoice that takes back what another one sold.
pub(super) fn is_cancellation(invoice: &str) -> bool {
    invoice.starts_with('C')
}

/// Whether a code stands for something that is kept on a shelf.
pub(super) fn is_goods(code: &str) -> bool {
    !(CHARGES.contains(&code) || FEES.contains(&code) || code.starts_with("GIFT_"))
}
