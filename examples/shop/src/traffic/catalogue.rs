//! What the shop sells and to whom: made up, and always the same.

use annals::{Annals, Decimal};

use crate::Failure;
use crate::domain::{Customer, Product};

const KINDS: [(&str, &str, i64); 8] = [
    ("lantern", "LAN", 1_250),
    ("tea towel", "TTL", 395),
    ("cake stand", "CKS", 1_695),
    ("door bell", "BEL", 850),
    ("hot water bottle", "HWB", 465),
    ("jam jar", "JAM", 145),
    ("wall clock", "CLK", 2_495),
    ("garden chair", "CHR", 4_950),
];

const STYLES: [(&str, &str); 6] = [
    ("Plain", "1"),
    ("Spotted", "2"),
    ("Striped", "3"),
    ("Vintage", "4"),
    ("Hand-painted", "5"),
    ("Woodland", "6"),
];

const FIRST_NAMES: [&str; 10] =
    ["Ada", "Barbara", "Edsger", "Frances", "Grace", "Hector", "Jim", "Leslie", "Nancy", "Pat"];

const LAST_NAMES: [&str; 10] =
    ["Abel", "Bisset", "Castro", "Dahl", "Egger", "Fischer", "Grant", "Holm", "Ito", "Janssen"];

/// Each country as often as customers live there, out of twenty.
const COUNTRIES: [(&str, u32); 8] = [
    ("United Kingdom", 7),
    ("Germany", 3),
    ("France", 3),
    ("Ireland", 2),
    ("Netherlands", 2),
    ("Spain", 1),
    ("Norway", 1),
    ("Japan", 1),
];

/// How much of each product a shop that opens has.
const OPENING_STOCK: i64 = 150;

pub(super) struct Article {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) price: Decimal,
}

pub(super) fn articles() -> Vec<Article> {
    let styles = (0_i64..).zip(STYLES);
    styles
        .flat_map(|(dearer, (style, suffix))| {
            KINDS.map(|(kind, code, pence)| Article {
                id: format!("{code}-{suffix}"),
                name: format!("{style} {kind}"),
                price: Decimal::new(pence + dearer * pence / 10, 2),
            })
        })
        .collect()
}

/// Number, name and country of each customer.
pub(super) fn customers() -> Vec<(String, String, &'static str)> {
    let countries: Vec<&str> = COUNTRIES
        .iter()
        .flat_map(|(country, times)| std::iter::repeat_n(*country, *times as usize))
        .collect();
    (0..FIRST_NAMES.len() * LAST_NAMES.len())
        .map(|number| {
            let first = FIRST_NAMES[number % FIRST_NAMES.len()];
            let last = LAST_NAMES[number / FIRST_NAMES.len()];
            let country = countries[number * 7 % countries.len()];
            (format!("C{:03}", number + 1), format!("{first} {last}"), country)
        })
        .collect()
}

/// Registers the customers, lists the products and fills the shelves; in a shop that is open
/// already this changes nothing.
pub(super) async fn open_shop(annals: &Annals) -> Result<(), Failure> {
    for (id, name, country) in customers() {
        annals.execute(&id, |customer: &Customer| customer.register(&name, country)).await?;
    }
    for Article { id, name, price } in articles() {
        annals.execute(&id, |product: &Product| product.list(&name, price)).await?;
        annals
            .execute(&id, |product: &Product| product.receive(OPENING_STOCK))
            .idempotency_key(format!("opening stock/{id}"))
            .await?;
    }
    Ok(())
}
