//! What a store can do beyond the contract, so that a suite can ask instead of guessing.

/// What a store declares about itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capabilities {
    /// A short name for messages and metrics: `memory`, `sqlite`, `postgres`.
    pub name: &'static str,
    /// What is acknowledged survives a crash of the process.
    pub durable: bool,
    /// Several processes can work on the same data.
    pub shared: bool,
    /// Transactions take SQL of the user's own.
    pub sql: bool,
    /// Positions are dense: 1, 2, 3, … without a hole.
    pub dense: bool,
    /// Appends take hooks and commands with a key, and a transaction can append: all in one commit.
    pub atomic: bool,
}
