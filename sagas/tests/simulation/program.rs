//! What a flow does, as data: a random tree of what is decided on what it is told.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::random::Random;

/// How many places there are.
pub(crate) const PLACES: u64 = 4;

/// The tree has no more nodes than this.
const MOST_NODES: usize = 12;

/// A program: nodes, the first of which is where it begins.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Program {
    pub(crate) nodes: Vec<Node>,
    /// A refusal that it has no way for is nothing to it.
    pub(crate) stubborn: bool,
}

/// What is decided at once, and where it goes on from there.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Node {
    pub(crate) acts: Vec<Act>,
    pub(crate) ways: Vec<(Told, usize)>,
}

/// What a flow may be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) enum Told {
    Event,
    Done,
    Refused,
    Due,
}

/// What it may decide.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) enum Act {
    Send {
        place: u64,
        key: u64,
        /// Whether something undoes it.
        undone: bool,
        silent: bool,
        /// Whom the event that follows concerns.
        flows: Vec<u64>,
    },
    Wake {
        deadline: u64,
        after_ms: u64,
    },
    CallOff {
        deadline: u64,
    },
    Complete,
    Compensate,
}

impl Program {
    /// A program for flows; `keys` are for its commands, each once.
    pub(crate) fn of(random: &mut Random, flows: &[u64], keys: &mut u64) -> Self {
        let mut program = Self { nodes: Vec::new(), stubborn: random.chance(300) };
        program.grow(random, flows, keys);
        program
    }

    /// Grows a node with all behind it, and returns its number.
    fn grow(&mut self, random: &mut Random, flows: &[u64], keys: &mut u64) -> usize {
        let number = self.nodes.len();
        let acts = (0..random.below(4)).map(|_| Act::of(random, flows, keys)).collect();
        self.nodes.push(Node { acts, ways: Vec::new() });
        let sends = self.nodes[number].acts.iter().any(|act| matches!(act, Act::Send { .. }));
        let wakes = self.nodes[number].acts.iter().any(|act| matches!(act, Act::Wake { .. }));
        let odds = [
            (Told::Event, 400),
            (Told::Done, if sends { 700 } else { 50 }),
            (Told::Refused, if sends { 250 } else { 20 }),
            (Told::Due, if wakes { 700 } else { 20 }),
        ];
        for (told, odds) in odds {
            if self.nodes.len() < MOST_NODES && random.chance(odds) {
                let next = self.grow(random, flows, keys);
                self.nodes[number].ways.push((told, next));
            }
        }
        let is_leaf = self.nodes[number].ways.is_empty();
        let last = match random.below(100) {
            0..65 if is_leaf => Some(Act::Complete),
            65..85 if is_leaf => Some(Act::Compensate),
            // It goes nowhere: the end of its time is waited for.
            0..3 => Some(Act::Complete),
            3..6 => Some(Act::Compensate),
            _ => None,
        };
        self.nodes[number].acts.extend(last);
        number
    }
}

impl Act {
    fn of(random: &mut Random, flows: &[u64], keys: &mut u64) -> Self {
        let deadline = random.below(3);
        match random.below(10) {
            0..6 => {
                *keys += 1;
                Self::Send {
                    place: random.below(PLACES),
                    key: *keys,
                    undone: random.chance(750),
                    silent: random.chance(150),
                    flows: if random.chance(600) { flows.to_vec() } else { Vec::new() },
                }
            }
            6..9 => {
                let after_ms = *random.pick(&[0, 1, 200, 1_000, 5_000, 20_000]);
                Self::Wake { deadline, after_ms }
            }
            _ => Self::CallOff { deadline },
        }
    }
}
