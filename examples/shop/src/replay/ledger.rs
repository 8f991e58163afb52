//! Who counts the lines: every line is written down twice, when it is read and when it is decided
//! on, and the two must agree.

use std::collections::BTreeMap;

use annals::Decimal;

use super::entry::Malformed;
use super::verdict::Verdict;

/// How many malformed lines are named; all are counted.
const NAMED: usize = 10;

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Tally {
    pub(super) lines: u64,
    pub(super) amount: Decimal,
}

impl Tally {
    pub(super) fn add(&mut self, amount: Decimal) {
        self.lines += 1;
        self.amount += amount;
    }
}

impl std::ops::Add for Tally {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self { lines: self.lines + other.lines, amount: self.amount + other.amount }
    }
}

impl std::iter::Sum for Tally {
    fn sum<I: Iterator<Item = Self>>(tallies: I) -> Self {
        tallies.fold(Self::default(), |all, tally| all + tally)
    }
}

#[derive(Debug, Default)]
pub(super) struct Ledger {
    read: Tally,
    decided: BTreeMap<Verdict, Tally>,
    /// Line number and reason.
    malformed: Vec<(u64, String)>,
}

impl Ledger {
    /// A line was read, whatever becomes of it.
    pub(super) fn read(&mut self, amount: Option<Decimal>) {
        self.read.add(amount.unwrap_or_default());
    }

    pub(super) fn decide(&mut self, verdict: Verdict, amount: Decimal) {
        self.decided.entry(verdict).or_default().add(amount);
    }

    /// A line whose amount cannot be read counts for nothing.
    pub(super) fn malformed(&mut self, line: u64, malformed: Malformed) {
        self.decide(Verdict::Malformed, malformed.amount.unwrap_or_default());
        if self.malformed.len() < NAMED {
            self.malformed.push((line, malformed.why));
        }
    }

    /// Everything in the file.
    pub(super) fn total(&self) -> Tally {
        self.read
    }

    pub(super) fn by_verdict(&self) -> impl Iterator<Item = (Verdict, Tally)> {
        self.decided.iter().map(|(verdict, tally)| (*verdict, *tally))
    }

    pub(super) fn accepted(&self) -> Tally {
        self.by_verdict().filter(|(verdict, _)| verdict.is_accepted()).map(|(_, t)| t).sum()
    }

    pub(super) fn set_aside(&self) -> Tally {
        self.by_verdict().filter(|(verdict, _)| !verdict.is_accepted()).map(|(_, t)| t).sum()
    }

    pub(super) fn adds_up(&self) -> bool {
        self.accepted() + self.set_aside() == self.read
    }

    pub(super) fn named_malformed(&self) -> &[(u64, String)] {
        &self.malformed
    }
}
