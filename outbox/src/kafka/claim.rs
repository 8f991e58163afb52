//! Whose a lane is. Kafka lets everybody write the offsets of a group that has no members, so who writes them
//! leaves a claim beside them, and looks for a later one before it writes again.

use std::fmt;

use uuid::Uuid;

/// What stands before a claim, so that it can be told from what others leave there.
const OURS: &str = "annals";

/// Who reads a lane: kept by the broker beside the lane's offset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Claim {
    /// Larger than that of whoever had the lane before.
    pub(super) generation: u64,
    pub(super) reader: Uuid,
}

/// What stands beside an offset, as seen by whoever has a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Seen {
    /// My own claim.
    Mine,
    /// That of somebody from before me, who has come back in the moment between looking and writing.
    Straggler,
    /// Somebody has taken the lane over.
    Successor,
    /// No claim: a person, or a program that knows nothing of claims, has set the offset.
    Stranger,
}

impl Claim {
    /// The claim of a new reader of a lane beside whose offset this stands.
    pub(super) fn after(beside: &str, reader: Uuid) -> Self {
        let before = Self::parse(beside).map_or(0, |claim| claim.generation);
        Self { generation: before.saturating_add(1), reader }
    }

    /// Of a lane that is to be taken: everybody comes after it.
    pub(super) fn nobodys() -> Self {
        Self { generation: 0, reader: Uuid::nil() }
    }

    /// The same reader's, who goes on from where a stranger has put it.
    pub(super) fn renewed(self) -> Self {
        Self { generation: self.generation.saturating_add(1), ..self }
    }

    /// What stands beside an offset.
    pub(super) fn see(self, beside: &str) -> Seen {
        match Self::parse(beside) {
            None => Seen::Stranger,
            Some(other) if other.reader == self.reader => Seen::Mine,
            Some(other) if other.generation < self.generation => Seen::Straggler,
            // Two that have taken it over at once: the later word counts.
            Some(_) => Seen::Successor,
        }
    }

    fn parse(text: &str) -> Option<Self> {
        let mut words = text.split(' ');
        if words.next() != Some(OURS) {
            return None;
        }
        let generation = words.next()?.parse().ok()?;
        let reader = words.next()?.parse().ok()?;
        Some(Self { generation, reader })
    }
}

impl fmt::Display for Claim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{OURS} {} {}", self.generation, self.reader)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reader() -> Uuid {
        Uuid::now_v7()
    }

    #[test]
    fn whoever_comes_later_has_the_lane() {
        let first = Claim::after("", reader());
        let second = Claim::after(&first.to_string(), reader());
        assert_eq!((first.generation, second.generation), (1, 2));
        assert_eq!(second.see(&second.to_string()), Seen::Mine);
        assert_eq!(first.see(&second.to_string()), Seen::Successor);
        assert_eq!(second.see(&first.to_string()), Seen::Straggler);
    }

    #[test]
    fn of_two_at_once_the_later_word_counts() {
        let (one, other) = (Claim::after("", reader()), Claim::after("", reader()));
        let written_last = other.to_string();
        assert_eq!(one.see(&written_last), Seen::Successor);
        assert_eq!(other.see(&written_last), Seen::Mine);
    }

    #[test]
    fn what_is_no_claim_is_a_strangers() {
        let mine = Claim::after("annals x", reader());
        assert_eq!(mine.generation, 1);
        for beside in ["", "annals", "annals 7", "annals 7 x", "theirs 7 x"] {
            assert_eq!(mine.see(beside), Seen::Stranger, "{beside}");
        }
        assert_eq!(mine.renewed().see(&mine.to_string()), Seen::Mine);
    }
}
