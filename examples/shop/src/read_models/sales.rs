//! Sales by country and day.

use annals::prelude::*;
use annals::{Date, Decimal};

use crate::domain::{OrderEvent, amount_of, day_of, items_of};

#[derive(ReadModel, Debug, Clone, PartialEq)]
#[read_model(table = "sales")]
pub(crate) struct CountryDay {
    #[key]
    pub(crate) country: String,
    #[key]
    pub(crate) day: Date,
    pub(crate) orders: i64,
    pub(crate) items: i64,
    pub(crate) sold: Decimal,
    pub(crate) credits: i64,
    pub(crate) credited: Decimal,
}

pub(crate) struct Sales;

impl Projection for Sales {
    type Event = OrderEvent;
    type Row = CountryDay;
    const NAME: &str = "sales";
    const VERSION: u32 = 1;

    fn keys(&self, event: &Recorded<OrderEvent>) -> Keys<(String, Date)> {
        match &event.data {
            OrderEvent::Confirmed { country, day, .. } => (country.clone(), *day).into(),
            OrderEvent::Credited { buyer, credited_at, .. } => {
                (buyer.country.clone(), day_of(*credited_at)).into()
            }
            OrderEvent::Placed { .. } | OrderEvent::Rejected { .. } => Keys::none(),
        }
    }

    fn fold(
        &self,
        (country, day): &(String, Date),
        row: &mut Option<CountryDay>,
        event: &Recorded<OrderEvent>,
    ) {
        let row = row.get_or_insert_with(|| CountryDay {
            country: country.clone(),
            day: *day,
            orders: 0,
            items: 0,
            sold: Decimal::ZERO,
            credits: 0,
            credited: Decimal::ZERO,
        });
        match &event.data {
            OrderEvent::Confirmed { items, amount, .. } => {
                row.orders += 1;
                row.items += items;
                row.sold += amount;
            }
            OrderEvent::Credited { lines, .. } => {
                row.credits += 1;
                row.items -= items_of(lines);
                row.credited += amount_of(lines);
            }
            OrderEvent::Placed { .. } | OrderEvent::Rejected { .. } => {}
        }
    }
}
