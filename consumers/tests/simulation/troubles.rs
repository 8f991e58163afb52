//! What is wrong with the handlers: by consumer and key, and for how many times still.

use std::collections::BTreeMap;

use crate::random::Random;

/// What a handler does instead of its work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trouble {
    Retry,
    Poison,
    Blocked,
    Panic,
    Hang,
}

#[derive(Debug, Default)]
pub(crate) struct Troubles {
    of_keys: BTreeMap<(usize, String), (Trouble, u64)>,
    /// In a thousand: how often a partition does not open.
    pub(crate) opens_badly: u64,
    /// In a thousand: how often an effect outside happens and its end is not heard of.
    pub(crate) loses_effects: u64,
}

impl Troubles {
    pub(crate) fn of(random: &mut Random) -> Self {
        let opens_badly = *random.pick(&[0, 30, 200]);
        let loses_effects = *random.pick(&[0, 20, 100]);
        Self { of_keys: BTreeMap::new(), opens_badly, loses_effects }
    }

    /// Something is wrong with a key from now on.
    pub(crate) fn begin(&mut self, consumer: usize, key: String, random: &mut Random) -> Trouble {
        let trouble = *random.pick(&[
            Trouble::Retry,
            Trouble::Retry,
            Trouble::Poison,
            Trouble::Blocked,
            Trouble::Panic,
            Trouble::Hang,
        ]);
        let times = match trouble {
            Trouble::Hang => random.between(1, 2),
            _ => *random.pick(&[1, 2, 5, 20, u64::MAX]),
        };
        self.of_keys.insert((consumer, key), (trouble, times));
        trouble
    }

    /// Everything is well again.
    pub(crate) fn end(&mut self) {
        *self = Self::default();
    }

    /// What is wrong with a key now.
    pub(crate) fn meet(&mut self, consumer: usize, key: &str) -> Option<Trouble> {
        let (trouble, left) = self.of_keys.get_mut(&(consumer, key.to_owned()))?;
        *left = left.checked_sub(1)?;
        Some(*trouble)
    }
}
