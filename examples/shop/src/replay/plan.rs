//! From lines to what is to be done: whom to register, what to list and receive, which invoices
//! to send through the shop.

use std::collections::{BTreeMap, HashMap, HashSet};

use annals::{Decimal, Uuid};
use csv::{ByteRecord, ReaderBuilder};

use super::entry::{COLUMNS, Entry};
use super::file::Retail;
use super::ledger::Ledger;
use super::verdict::{Verdict, is_cancellation, is_goods};
use crate::Failure;
use crate::desk::{Purchase, Return};
use crate::domain::{Buyer, CreditNote, Line, Pays, PlaceOrder};

pub(crate) struct Plan {
    pub(super) path: String,
    pub(super) fingerprint: Uuid,
    pub(super) ledger: Ledger,
    /// How many codes there are as they are written.
    pub(super) codes: usize,
    /// Where each customer lived, in order; most lived in one country.
    pub(super) customers: BTreeMap<String, Vec<String>>,
    pub(super) products: BTreeMap<String, Article>,
    /// In the order of the file.
    pub(super) invoices: Vec<Invoice>,
}

#[derive(Debug, Default)]
pub(super) struct Article {
    pub(super) price: Decimal,
    /// How many the file sells in all: the stock that the shop did not publish.
    pub(super) sold: i64,
    /// How often it is called what.
    names: BTreeMap<String, u32>,
}

impl Article {
    /// What it is mostly called.
    pub(super) fn name(&self) -> &str {
        let most = self.names.iter().rev().max_by_key(|(_, times)| **times);
        most.map_or("", |(name, _)| name)
    }
}

#[derive(Debug, Clone)]
pub(super) enum Invoice {
    Sale(Purchase),
    Credit(Return),
}

impl Invoice {
    pub(super) fn id(&self) -> &str {
        match self {
            Self::Sale(purchase) => &purchase.id,
            Self::Credit(back) => &back.id,
        }
    }

    pub(super) fn lines(&self) -> &[Line] {
        match self {
            Self::Sale(purchase) => &purchase.order.lines,
            Self::Credit(back) => &back.note.lines,
        }
    }

    fn lines_mut(&mut self) -> &mut Vec<Line> {
        match self {
            Self::Sale(purchase) => &mut purchase.order.lines,
            Self::Credit(back) => &mut back.note.lines,
        }
    }

    fn buyer(&self) -> &Buyer {
        match self {
            Self::Sale(purchase) => &purchase.order.buyer,
            Self::Credit(back) => &back.note.buyer,
        }
    }

    /// An invoice without lines: its first line says who and when.
    fn open(entry: &Entry) -> Self {
        let customer = entry.customer.clone();
        let name = customer.as_ref().map_or_else(|| "guest".to_owned(), |id| customer_name(id));
        let buyer = Buyer { customer, name, country: entry.country.clone() };
        let (id, at, lines) = (entry.invoice.clone(), entry.at, Vec::new());
        if is_cancellation(&id) {
            let note = CreditNote { against: None, buyer, credited_at: at, lines };
            Self::Credit(Return { id, note })
        } else {
            let pays = Pays { method: "invoice".to_owned(), limit: None };
            Self::Sale(Purchase { id, order: PlaceOrder { buyer, placed_at: at, lines, pays } })
        }
    }
}

/// The file has numbers for names.
pub(super) fn customer_name(id: &str) -> String {
    format!("customer {id}")
}

pub(super) fn make(file: &Retail) -> Result<Plan, Failure> {
    let text = file.text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&file.text);
    let mut reader = ReaderBuilder::new().flexible(true).from_reader(text);
    let headers = reader.byte_headers()?;
    if !headers.iter().eq(COLUMNS.iter().map(|column| column.as_bytes())) {
        let path = &file.path;
        return Err(format!("{path} does not begin with the columns {}", COLUMNS.join(",")).into());
    }
    let mut plan = Plan {
        path: file.path.clone(),
        fingerprint: file.fingerprint,
        ledger: Ledger::default(),
        codes: 0,
        customers: BTreeMap::new(),
        products: BTreeMap::new(),
        invoices: Vec::new(),
    };
    let (mut places, mut codes) = (HashMap::new(), HashSet::new());
    let mut record = ByteRecord::new();
    while reader.read_byte_record(&mut record)? {
        codes.extend(record.get(1).map(<[u8]>::to_vec));
        match Entry::parse(&record) {
            Ok(entry) => plan.take(entry, &mut places),
            Err(malformed) => {
                plan.ledger.read(malformed.amount);
                plan.ledger.malformed(line_of(&record, text), malformed);
            }
        }
    }
    plan.codes = codes.len();
    Ok(plan)
}

/// Where a record stands. The reader stops between the two characters that end a line on Windows,
/// and counts the second one with the next record; empty lines it passes over.
fn line_of(record: &ByteRecord, text: &[u8]) -> u64 {
    let Some(position) = record.position() else { return 0 };
    let start = usize::try_from(position.byte()).unwrap_or(usize::MAX);
    let rest = text.get(start..).unwrap_or_default();
    let ends = rest.iter().take_while(|byte| matches!(byte, b'\r' | b'\n'));
    position.line() + ends.filter(|byte| **byte == b'\n').count() as u64
}

impl Plan {
    /// Decides on a line and writes down what it leads to.
    fn take(&mut self, entry: Entry, places: &mut HashMap<String, usize>) {
        self.ledger.read(Some(entry.amount()));
        let verdict = self.place(&entry, places);
        self.ledger.decide(verdict, entry.amount());
    }

    fn place(&mut self, entry: &Entry, places: &mut HashMap<String, usize>) -> Verdict {
        let verdict = Verdict::of(entry);
        if !verdict.is_accepted() {
            return verdict;
        }
        let place = *places.entry(entry.invoice.clone()).or_insert_with(|| {
            self.invoices.push(Invoice::open(entry));
            self.invoices.len() - 1
        });
        let invoice = &mut self.invoices[place];
        let buyer = invoice.buyer();
        if buyer.customer != entry.customer || buyer.country != entry.country {
            return Verdict::ContradictsInvoice;
        }
        let goods = is_goods(&entry.code);
        invoice.lines_mut().push(Line {
            product: entry.code.clone(),
            name: entry.description.clone(),
            quantity: entry.quantity.abs(),
            price: entry.price,
            goods,
        });
        if goods {
            self.know_product(entry);
        }
        if let Some(customer) = &entry.customer {
            let countries = self.customers.entry(customer.clone()).or_default();
            if !countries.contains(&entry.country) {
                countries.push(entry.country.clone());
            }
        }
        verdict
    }

    fn know_product(&mut self, entry: &Entry) {
        let article = self.products.entry(entry.code.clone()).or_default();
        if article.price.is_zero() {
            article.price = entry.price;
        }
        article.sold += entry.quantity.max(0);
        *article.names.entry(entry.description.clone()).or_default() += 1;
    }
}
