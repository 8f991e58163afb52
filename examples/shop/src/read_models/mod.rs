//! What the shop looks at: one table a file, with the fold that fills it.

mod best_sellers;
mod orders;
mod sales;
mod stock;
#[cfg(test)]
mod tests;

pub(crate) use best_sellers::{BestSeller, BestSellers};
pub(crate) use orders::{OrderRow, Orders};
pub(crate) use sales::{CountryDay, Sales};
pub(crate) use stock::{Stock, StockLevel};
