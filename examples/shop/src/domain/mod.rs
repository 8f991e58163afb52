//! The shop's aggregates. Each file: what can happen, what is remembered of it, what is decided.

mod customer;
mod line;
mod order;
mod payment;
mod product;
#[cfg(test)]
mod tests;

pub(crate) use customer::Customer;
pub(crate) use line::{Buyer, Line, amount_of, day_of, items_of};
pub(crate) use order::{CreditNote, Order, OrderEvent, PlaceOrder, Rejection, Status};
pub(crate) use payment::{Charge, Payment, PaymentEvent};
pub(crate) use product::{Product, ProductError, ProductEvent};
