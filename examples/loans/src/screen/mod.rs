//! Everything the program prints.

mod bars;
mod progress;
mod reports;

pub(crate) use progress::{ImportLine, RebuildBar, RebuildBars};
pub(crate) use reports::read_models;

use std::time::Duration;

use comfy_table::{Cell, CellAlignment, Table, presets};

use crate::facts::Fact;
use crate::rebuild::Rebuilt;

/// A heading.
pub(crate) fn title(text: &str) {
    println!("\n{text}");
}

/// How fast each rebuild was beside the others, and all of them together.
pub(crate) fn rebuilds(rebuilt: &[Rebuilt], all: Duration) {
    let mut table = table(&["projection", ">events", ">seconds", ">events/s"]);
    for Rebuilt { projection, events, took } in rebuilt {
        let seconds = took.as_secs_f64();
        let rate = (*events as f64 / seconds.max(f64::EPSILON)) as u64;
        table.add_row([
            (*projection).to_owned(),
            number(*events),
            format!("{seconds:.2}"),
            number(rate),
        ]);
    }
    println!("{table}");
    println!("all of them together in {:.2} s", all.as_secs_f64());
}

/// Whether the rebuild changed anything.
pub(crate) fn equality(rows: usize, equal: bool) {
    let verdict =
        if equal { "every one equal to the row before" } else { "NOT the rows of before" };
    println!("{} {} rows, {verdict}", tick(equal), number(rows as u64));
}

/// What was published, what was found.
pub(crate) fn facts(facts: &[Fact]) {
    let mut table = table(&["fact", ">published", ">found", ""]);
    for fact in facts {
        table.add_row([
            fact.what.clone(),
            number(fact.published),
            number(fact.found),
            tick(fact.holds()).to_owned(),
        ]);
    }
    println!("{table}");
}

fn tick(good: bool) -> &'static str {
    if good { "✓" } else { "✗" }
}

/// A table; a heading that begins with `>` stands over a column of numbers.
fn table(headings: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL_CONDENSED);
    table.set_header(headings.iter().map(|heading| Cell::new(heading.trim_start_matches('>'))));
    for (column, heading) in table.column_iter_mut().zip(headings) {
        if heading.starts_with('>') {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}

/// `13087` as `13,087`.
fn number(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
