//! The account that is given of every line.

use std::collections::HashSet;

use annals::{Annals, Decimal};

use super::execute::Executed;
use super::ledger::Tally;
use super::plan::Plan;
use crate::Failure;
use crate::read_models::OrderRow;
use crate::screen::{Column, Screen, count, money, table};
use crate::shop;

use Column::{Number, Text};

/// What was decided on the file.
pub(super) fn file(screen: &Screen, plan: &Plan) {
    let ledger = &plan.ledger;
    screen.heading(format_args!(
        "{}: {} lines, {} products ({} codes as written), {} customers, {} invoices to send",
        plan.path,
        count(ledger.total().lines),
        count(plan.products.len()),
        count(plan.codes),
        count(plan.customers.len()),
        count(plan.invoices.len())
    ));
    let row = |what: &str, reason: &str, tally: Tally| {
        vec![what.to_owned(), reason.to_owned(), count(tally.lines), money(tally.amount)]
    };
    let mut rows: Vec<_> = ledger
        .by_verdict()
        .map(|(verdict, tally)| {
            let what = if verdict.is_accepted() { "accepted" } else { "set aside" };
            row(what, verdict.reason(), tally)
        })
        .collect();
    rows.push(row("accepted", "in all", ledger.accepted()));
    rows.push(row("set aside", "in all", ledger.set_aside()));
    rows.push(row("read", "in all", ledger.total()));
    let columns = [Text("lines"), Text("because"), Number("how many"), Number("amount")];
    screen.say(table(&columns, rows));
    for (line, why) in ledger.named_malformed() {
        screen.say(format_args!("  line {line} is malformed: {why}"));
    }
    screen.say(sum(
        "accepted + set aside = read",
        ledger.accepted(),
        ledger.set_aside(),
        ledger.total(),
    ));
}

/// What arrived in the read model `orders`, held against the file. Returns whether everything
/// adds up.
pub(super) async fn books(
    annals: &Annals,
    screen: &Screen,
    plan: &Plan,
    executed: &Executed,
) -> Result<bool, Failure> {
    // The store may hold other orders too.
    let sent: HashSet<&str> = plan.invoices.iter().map(|invoice| invoice.id()).collect();
    let mut booked = Tally::default();
    for row in shop::rows::<OrderRow>(annals).await? {
        if sent.contains(row.id.as_str()) && (row.status == "confirmed" || row.status == "credit") {
            booked.lines += row.lines.len() as u64;
            booked.amount += row.total;
        }
    }
    let ledger = &plan.ledger;
    screen.heading("The books");
    let (accepted, rejected) = (ledger.accepted(), executed.rejected);
    screen.say(sum("accepted + set aside = read", accepted, ledger.set_aside(), ledger.total()));
    screen.say(sum("in `orders` + rejected by the shop = accepted", booked, rejected, accepted));
    Ok(ledger.adds_up() && booked + rejected == accepted)
}

fn sum(what: &str, one: Tally, other: Tally, all: Tally) -> String {
    let verdict = if one + other == all { '✓' } else { '✗' };
    let lines = |tally: Tally| count(tally.lines);
    let amount = |tally: Tally| signed(tally.amount);
    format!(
        "  {what}\n    lines   {} + {} = {}\n    amounts {} + {} = {}  {verdict}",
        lines(one),
        lines(other),
        lines(all),
        amount(one),
        amount(other),
        amount(all)
    )
}

/// A negative amount stands in brackets, so that a sum reads as one.
fn signed(amount: Decimal) -> String {
    if amount.is_sign_negative() { format!("({})", money(amount)) } else { money(amount) }
}
