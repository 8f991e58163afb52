//! One line of the file, its fields checked.

use annals::{Decimal, Timestamp};
use csv::ByteRecord;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

pub(super) const COLUMNS: [&str; 8] = [
    "InvoiceNo",
    "StockCode",
    "Description",
    "Quantity",
    "InvoiceDate",
    "UnitPrice",
    "CustomerID",
    "Country",
];

/// How long an invoice's, product's or customer's number may be; they become parts of names.
const MAX_ID: usize = 40;

/// How long a country or a description may be.
const MAX_TEXT: usize = 200;

/// Beyond these a quantity or a price is a slip of the keyboard; within them every sum is exact.
const MAX_QUANTITY: i64 = 1_000_000_000;
const MAX_PRICE: i64 = 1_000_000_000;
const MAX_PRICE_SCALE: u32 = 6;

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Entry {
    pub(super) invoice: String,
    /// In capitals: the file writes some codes both ways.
    pub(super) code: String,
    pub(super) description: String,
    pub(super) quantity: i64,
    pub(super) at: Timestamp,
    pub(super) price: Decimal,
    /// `None` for a guest.
    pub(super) customer: Option<String>,
    pub(super) country: String,
}

/// A line that cannot be read.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Malformed {
    pub(super) why: String,
    /// What it would amount to, where that much can be read.
    pub(super) amount: Option<Decimal>,
}

impl Entry {
    pub(super) fn amount(&self) -> Decimal {
        self.price * Decimal::from(self.quantity)
    }

    pub(super) fn parse(record: &ByteRecord) -> Result<Self, Malformed> {
        if record.len() != COLUMNS.len() {
            let why = format!("{} columns, not {}", record.len(), COLUMNS.len());
            return Err(Malformed { why, amount: None });
        }
        let field = |place: usize| String::from_utf8_lossy(&record[place]).trim().to_owned();
        let (quantity, price) = (quantity(&field(3)), price(&field(5)));
        let amount = match (&quantity, &price) {
            (Ok(quantity), Ok(price)) => Some(*price * Decimal::from(*quantity)),
            _ => None,
        };
        let rest = || {
            let customer = match field(6) {
                none if none.is_empty() => None,
                some => Some(id("CustomerID", some)?),
            };
            Ok(Self {
                invoice: id("InvoiceNo", field(0))?.to_uppercase(),
                code: id("StockCode", field(1))?.to_uppercase(),
                description: text("Description", field(2))?,
                quantity: quantity?,
                at: time(&field(4))?,
                price: price?,
                customer,
                country: some_text("Country", field(7))?,
            })
        };
        rest().map_err(|why| Malformed { why, amount })
    }
}

fn quantity(text: &str) -> Result<i64, String> {
    let quantity: i64 =
        text.parse().map_err(|_| format!("Quantity `{}` is no whole number", short(text)))?;
    if (-MAX_QUANTITY..=MAX_QUANTITY).contains(&quantity) {
        Ok(quantity)
    } else {
        Err(format!("Quantity {quantity} is out of range"))
    }
}

fn price(text: &str) -> Result<Decimal, String> {
    let price = Decimal::from_str_exact(text)
        .map_err(|_| format!("UnitPrice `{}` is no amount", short(text)))?;
    let price = price.normalize();
    if price.abs() > Decimal::from(MAX_PRICE) || price.scale() > MAX_PRICE_SCALE {
        return Err(format!("UnitPrice {price} is out of range"));
    }
    Ok(price)
}

fn time(text: &str) -> Result<Timestamp, String> {
    let time = DateTime::strptime("%d/%m/%Y %H:%M", text)
        .map_err(|_| format!("InvoiceDate `{}` is not DD/MM/YYYY hh:mm", short(text)))?;
    let time = TimeZone::UTC.to_timestamp(time);
    time.map_err(|_| format!("InvoiceDate `{}` is out of range", short(text)))
}

fn id(column: &str, value: String) -> Result<String, String> {
    // A slash would be taken for the end of the number in the key of a command.
    let bad = |c: char| c.is_control() || c == '/';
    if value.is_empty() {
        Err(format!("{column} is empty"))
    } else if value.len() > MAX_ID || value.contains(bad) {
        Err(format!("{column} `{}` cannot be a number or a code", short(&value)))
    } else {
        Ok(value)
    }
}

fn text(column: &str, value: String) -> Result<String, String> {
    if value.len() > MAX_TEXT || value.contains(char::is_control) {
        Err(format!("{column} `{}` is too long or not plain text", short(&value)))
    } else {
        Ok(value)
    }
}

fn some_text(column: &str, value: String) -> Result<String, String> {
    if value.is_empty() { Err(format!("{column} is empty")) } else { text(column, value) }
}

/// Enough of a value to find it in the file.
fn short(value: &str) -> String {
    value.chars().filter(|c| !c.is_control()).take(30).collect()
}
