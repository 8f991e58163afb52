//! The shop's aggregates. Each file: what can happen, what is remembered of it, what is decided.

mod customer;
mod line;
mod notification;
mod order;
mod payment;
mod product;
#[cfg(test)]
mod tests;

pub(crate) use customer::Customer;
pub(crate) use line::{Buyer, Line, amount_of, day_of, items_of};
pub(crate) use notification::{NotificationEvent, Notify};
pub(crate) use order::{
    Confirm, CreditNote, Order, OrderEvent, Pays, PlaceOrder, Reject, Rejection, Status,
};
pub(crate) use payment::{Charge, Payment, PaymentEvent, Refund};
pub(crate) use product::{Product, ProductEvent, Release, Reserve, TakeBack};
