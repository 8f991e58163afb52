//! Sums of sales.

use std::collections::BTreeMap;
use std::iter::Sum;

use annals::Decimal;

use crate::read_models::CountryDay;

#[derive(Debug, Default)]
pub(super) struct Total {
    pub(super) orders: i64,
    pub(super) items: i64,
    pub(super) sold: Decimal,
    pub(super) credited: Decimal,
}

impl Total {
    pub(super) fn net(&self) -> Decimal {
        self.sold - self.credited
    }

    fn add(&mut self, other: &Self) {
        self.orders += other.orders;
        self.items += other.items;
        self.sold += other.sold;
        self.credited += other.credited;
    }
}

impl<'a> Sum<&'a Self> for Total {
    fn sum<I: Iterator<Item = &'a Self>>(totals: I) -> Self {
        let mut all = Self::default();
        totals.for_each(|total| all.add(total));
        all
    }
}

/// Sums rows that share a name, sorted by it.
pub(super) fn totals(
    rows: &[CountryDay],
    name: impl Fn(&CountryDay) -> String,
) -> Vec<(String, Total)> {
    let mut totals = BTreeMap::<String, Total>::new();
    for row in rows {
        let (orders, items, sold, credited) = (row.orders, row.items, row.sold, row.credited);
        totals.entry(name(row)).or_default().add(&Total { orders, items, sold, credited });
    }
    totals.into_iter().collect()
}
