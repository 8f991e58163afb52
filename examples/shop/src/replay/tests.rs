//! Decisions on lines, and what comes of a file.

use std::path::Path;

use annals::{Annals, Decimal};
use csv::ByteRecord;

use super::entry::Entry;
use super::verdict::Verdict;
use super::*;
use crate::read_models::{OrderRow, StockLevel};
use crate::shop;

const HEADER: &str =
    "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n";

const LINES: &str = "\
536365,85123A,WHITE HOLDER,6,01/12/2010 08:26,2.55,17850,United Kingdom
536365,85123a,WHITE HOLDER,6,01/12/2010 08:26,2.55,17850,United Kingdom
536365,POST,POSTAGE,1,01/12/2010 08:26,18,17850,United Kingdom
536366,71053,LANTERN,2,01/12/2010 08:28,3.39,,France
C536367,71053,LANTERN,-1,01/12/2010 09:00,3.39,,France
C536368,D,Discount,-1,01/12/2010 09:41,27.5,17850,United Kingdom
536369,71053,,-3,01/12/2010 10:00,0,,United Kingdom
536370,71053,,56,01/12/2010 10:00,0,,United Kingdom
536371,AMAZONFEE,AMAZON FEE,1,01/12/2010 11:00,13541.33,,United Kingdom
536372,71053,LANTERN,many,01/12/2010 11:00,3.39,,France
536373,71053,LANTERN,1,2010-12-01,3.39,,France
536374,71053,LANTERN
536365,71053,LANTERN,1,01/12/2010 08:26,3.39,99999,United Kingdom
";

fn verdict(line: &str) -> Verdict {
    Verdict::of(&entry(line).unwrap())
}

fn entry(line: &str) -> Result<Entry, String> {
    let record = ByteRecord::from(line.split(',').collect::<Vec<_>>());
    Entry::parse(&record).map_err(|malformed| malformed.why)
}

fn file(text: &str) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), text).unwrap();
    file
}

fn amount(text: &str) -> Decimal {
    text.parse().unwrap()
}

#[test]
fn each_line_has_one_verdict() {
    let rest = "01/12/2010 08:26";
    let sold = |code: &str, quantity: &str, price: &str, customer: &str| {
        verdict(&format!("536365,{code},X,{quantity},{rest},{price},{customer},France"))
    };
    assert_eq!(sold("85123A", "6", "2.55", "17850"), Verdict::SoldToCustomer);
    assert_eq!(sold("85123A", "6", "2.55", ""), Verdict::SoldToGuest);
    assert_eq!(sold("post", "1", "18", ""), Verdict::Charged);
    assert_eq!(sold("gift_0001_40", "1", "34.04", ""), Verdict::Charged);
    assert_eq!(sold("BANK CHARGES", "1", "15", "15823"), Verdict::Charged);
    assert_eq!(sold("BANK CHARGES", "1", "15", ""), Verdict::OwnFee);
    assert_eq!(sold("DCGS0076", "1", "16.63", ""), Verdict::SoldToGuest);
    assert_eq!(sold("85123A", "6", "0", ""), Verdict::StockFound);
    assert_eq!(sold("85123A", "-6", "0", ""), Verdict::StockWrittenOff);
    assert_eq!(sold("85123A", "-6", "1", ""), Verdict::NegativeWithoutCancellation);
    assert_eq!(sold("85123A", "0", "1", ""), Verdict::NoQuantity);
    assert_eq!(sold("B", "1", "-11062.06", ""), Verdict::NegativePrice);

    let back = |code: &str, quantity: &str, customer: &str| {
        verdict(&format!("C536365,{code},X,{quantity},{rest},2.55,{customer},France"))
    };
    assert_eq!(back("85123A", "-6", "17850"), Verdict::ReturnedByCustomer);
    assert_eq!(back("85123A", "-6", ""), Verdict::ReturnedByGuest);
    assert_eq!(back("D", "-1", "17850"), Verdict::ChargeCredited);
    assert_eq!(back("AMAZONFEE", "-1", ""), Verdict::OwnFee);
    assert_eq!(back("85123A", "6", "17850"), Verdict::CancellationWithoutReturn);
}

#[test]
fn what_cannot_be_read_says_why() {
    let why = |line: &str| entry(line).unwrap_err();
    let with = |place: usize, value: &str| {
        let mut fields = ["1", "2", "X", "1", "01/12/2010 08:26", "1.5", "", "France"];
        fields[place] = value;
        why(&fields.join(","))
    };
    assert_eq!(why("536365,85123A"), "2 columns, not 8");
    assert_eq!(with(0, " "), "InvoiceNo is empty");
    assert_eq!(with(0, "../etc"), "InvoiceNo `../etc` cannot be a number or a code");
    assert_eq!(with(3, "1.5"), "Quantity `1.5` is no whole number");
    assert_eq!(with(3, "9223372036854775807"), "Quantity 9223372036854775807 is out of range");
    assert_eq!(
        with(4, "31/02/2010 08:26"),
        "InvoiceDate `31/02/2010 08:26` is not DD/MM/YYYY hh:mm"
    );
    assert_eq!(with(5, "£2"), "UnitPrice `£2` is no amount");
    assert_eq!(
        with(5, "79228162514264337593543950335"),
        "UnitPrice 79228162514264337593543950335 is out of range"
    );
    assert_eq!(with(5, "0.00000001"), "UnitPrice 0.00000001 is out of range");
    assert_eq!(with(7, ""), "Country is empty");
}

#[test]
fn every_line_is_accepted_or_set_aside() {
    let file = file(&format!("{HEADER}{LINES}"));
    let plan = plan(file.path()).unwrap();
    let ledger = &plan.ledger;
    assert_eq!((ledger.accepted().lines, ledger.set_aside().lines), (6, 7));
    assert_eq!(ledger.accepted().amount, amount("24.49"));
    // The line with a bad date still has an amount, the one with a bad quantity has none.
    assert_eq!(ledger.set_aside().amount, amount("13548.11"));
    assert_eq!(ledger.total().lines, 13);
    assert!(ledger.adds_up());
    let lines: Vec<u64> = ledger.named_malformed().iter().map(|(line, _)| *line).collect();
    assert_eq!(lines, [11, 12, 13]);
    assert_eq!(plan.codes, 6);
    assert_eq!(plan.products.keys().collect::<Vec<_>>(), ["71053", "85123A"]);
    assert_eq!(plan.invoices.len(), 4);
}

#[test]
fn malformed_lines_are_numbered_as_an_editor_numbers_them() {
    let file = file(&format!("\u{feff}{HEADER}\n{LINES}").replace('\n', "\r\n"));
    let plan = plan(file.path()).unwrap();
    let lines: Vec<u64> = plan.ledger.named_malformed().iter().map(|(line, _)| *line).collect();
    assert_eq!(lines, [12, 13, 14]);
    assert_eq!(plan.ledger.total().lines, 13);
}

#[test]
fn a_file_that_is_not_there_or_no_retail_file_is_named() {
    let missing = plan(Path::new("no/such.csv")).err().unwrap().to_string();
    assert!(missing.starts_with("no/such.csv cannot be read"), "{missing}");
    assert!(missing.contains("looked for /"), "{missing}");
    let other = plan(file("a,b\n1,2\n").path()).err().unwrap().to_string();
    assert!(other.contains("does not begin with the columns InvoiceNo,"), "{other}");
    let empty = plan(file("").path()).err().unwrap().to_string();
    assert!(empty.contains("does not begin with the columns"), "{empty}");
    let broken = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(broken.path(), [0x1f, 0x8b, 8, 0, 0]).unwrap();
    let broken = plan(broken.path()).err().unwrap().to_string();
    assert!(broken.contains("breaks off after 0 bytes"), "{broken}");
}

/// What the books say: rows, their total, and how many lanterns are there.
async fn books(shop: &Annals) -> (usize, Decimal, i64) {
    let rows = shop::rows::<OrderRow>(shop).await.unwrap();
    let lanterns = shop.read::<StockLevel>().get(&"71053".to_owned()).await.unwrap().unwrap();
    (rows.len(), rows.iter().map(|row| row.total).sum(), lanterns.on_hand)
}

#[tokio::test]
async fn the_same_file_again_doubles_nothing() {
    let file = file(&format!("{HEADER}{LINES}"));
    let (shop, screen) = (shop::open("memory:").await.unwrap(), Screen::silent());
    for run in 0..2 {
        let plan = std::sync::Arc::new(plan(file.path()).unwrap());
        let before = shop.log().head().await.unwrap();
        let desk = std::sync::Arc::new(Desk::open(&shop).await.unwrap());
        let executed = execute::execute(&shop, &desk, &screen, &plan).await.unwrap();
        assert_eq!((executed.confirmed, executed.credited, executed.repeated), (2, 2, 4 * run));
        if run == 1 {
            assert_eq!(shop.log().head().await.unwrap(), before);
        }
        assert!(account::books(&shop, &screen, &plan, &executed).await.unwrap());
        assert_eq!(books(&shop).await, (4, amount("24.49"), 2));
    }
}
