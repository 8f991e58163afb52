//! Which products bring in what.

use annals::Decimal;
use annals::prelude::*;

use crate::domain::ProductEvent;

#[derive(ReadModel, Debug, Clone, PartialEq)]
#[read_model(table = "best_sellers")]
pub(crate) struct BestSeller {
    #[key]
    pub(crate) product: String,
    pub(crate) name: String,
    /// Sold and not returned.
    #[index]
    pub(crate) quantity: i64,
    pub(crate) revenue: Decimal,
}

pub(crate) struct BestSellers;

impl Projection for BestSellers {
    type Event = ProductEvent;
    type Row = BestSeller;
    const NAME: &str = "best_sellers";
    const VERSION: u32 = 1;

    fn keys(&self, event: &Recorded<ProductEvent>) -> Keys<String> {
        match &event.data {
            ProductEvent::Received { .. } => Keys::none(),
            _ => event.aggregate_id().into(),
        }
    }

    fn fold(&self, product: &String, row: &mut Option<BestSeller>, event: &Recorded<ProductEvent>) {
        let row = row.get_or_insert_with(|| BestSeller {
            product: product.clone(),
            name: String::new(),
            quantity: 0,
            revenue: Decimal::ZERO,
        });
        match &event.data {
            ProductEvent::Listed { name, .. } => row.name.clone_from(name),
            ProductEvent::Reserved { quantity, amount, .. } => {
                row.quantity += quantity;
                row.revenue += amount;
            }
            ProductEvent::Released { quantity, amount, .. }
            | ProductEvent::Returned { quantity, amount, .. } => {
                row.quantity -= quantity;
                row.revenue -= amount;
            }
            ProductEvent::Received { .. } => {}
        }
    }
}
