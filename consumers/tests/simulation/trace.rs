//! Who did what when: the last steps for people, and a hash of all of them.

use std::collections::VecDeque;
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};

use tokio::time::Instant;

/// Whoever does something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Who {
    /// A member, and how often it was started.
    Member(u8, u8),
    /// Whoever steers, and whoever appends.
    Operator,
}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Member(member, start) => write!(f, "m{member}.{start}"),
            Self::Operator => f.write_str("world"),
        }
    }
}

#[derive(Debug)]
struct Step {
    at_ms: u64,
    who: Who,
    what: String,
}

#[derive(Debug)]
pub(crate) struct Trace {
    began: Instant,
    hash: DefaultHasher,
    /// How many steps are kept.
    keeps: usize,
    steps: VecDeque<Step>,
}

impl Trace {
    pub(crate) fn new(keeps: usize) -> Self {
        let (began, hash) = (Instant::now(), DefaultHasher::new());
        Self { began, hash, keeps, steps: VecDeque::new() }
    }

    pub(crate) fn step(&mut self, who: Who, what: String) {
        let at_ms = self.began.elapsed().as_millis() as u64;
        (at_ms, who, &what).hash(&mut self.hash);
        if self.steps.len() >= self.keeps {
            self.steps.pop_front();
        }
        self.steps.push_back(Step { at_ms, who, what });
    }

    pub(crate) fn hash(&self) -> u64 {
        self.hash.finish()
    }
}

impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Step { at_ms, who, what } in &self.steps {
            writeln!(f, "{:>8}.{:03} s  {who:<6} {what}", at_ms / 1000, at_ms % 1000)?;
        }
        Ok(())
    }
}
