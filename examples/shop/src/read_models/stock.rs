//! What is on the shelves.

use annals::prelude::*;

use crate::domain::ProductEvent;

#[derive(ReadModel, Debug, Clone, PartialEq)]
#[read_model(table = "stock")]
pub(crate) struct StockLevel {
    #[key]
    pub(crate) product: String,
    pub(crate) name: String,
    #[index]
    pub(crate) on_hand: i64,
    pub(crate) received: i64,
    pub(crate) sold: i64,
    pub(crate) returned: i64,
}

pub(crate) struct Stock;

impl Projection for Stock {
    type Event = ProductEvent;
    type Row = StockLevel;
    const NAME: &str = "stock";
    const VERSION: u32 = 1;

    fn keys(&self, event: &Recorded<ProductEvent>) -> Keys<String> {
        event.aggregate_id().into()
    }

    fn fold(&self, product: &String, row: &mut Option<StockLevel>, event: &Recorded<ProductEvent>) {
        let row = row.get_or_insert_with(|| StockLevel {
            product: product.clone(),
            name: String::new(),
            on_hand: 0,
            received: 0,
            sold: 0,
            returned: 0,
        });
        match &event.data {
            ProductEvent::Listed { name, .. } => row.name.clone_from(name),
            ProductEvent::Received { quantity } => row.received += quantity,
            ProductEvent::Reserved { quantity, .. } => row.sold += quantity,
            ProductEvent::Released { quantity, .. } => row.sold -= quantity,
            ProductEvent::Returned { quantity, .. } => row.returned += quantity,
        }
        row.on_hand = row.received - row.sold + row.returned;
    }
}
