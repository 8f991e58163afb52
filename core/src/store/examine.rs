//! Looking at the database beneath a store: what is found, how bad it is, and what to do.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use super::StoreError;

/// How bad something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// As it should be.
    Ok,
    /// It works, and will not for ever.
    Warn,
    /// A promise is broken, or about to be.
    Bad,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Bad => "bad",
        })
    }
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Finding {
    /// What was looked at: a name that stays the same, such as `long_transaction`.
    pub check: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// What was found, in a sentence.
    pub what: String,
    /// What to do about it; `None` when there is nothing to do.
    pub advice: Option<String>,
    /// The facts in it, for programs.
    pub facts: BTreeMap<&'static str, Value>,
}

impl Finding {
    /// Something that is as it should be.
    pub fn ok(check: &'static str, what: impl Into<String>) -> Self {
        let what = what.into();
        Self { check, severity: Severity::Ok, what, advice: None, facts: BTreeMap::new() }
    }

    /// Something that will not go well for ever, and what to do about it.
    pub fn warn(check: &'static str, what: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { severity: Severity::Warn, advice: Some(advice.into()), ..Self::ok(check, what) }
    }

    /// Something that is wrong, and what to do about it.
    pub fn bad(check: &'static str, what: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { severity: Severity::Bad, advice: Some(advice.into()), ..Self::ok(check, what) }
    }

    /// With a fact.
    #[must_use]
    pub fn fact(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.facts.insert(name, value.into());
        self
    }
}

/// How closely is looked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Examination {
    /// Look at everything, however long that takes, and not at what is quickly seen.
    pub full: bool,
    /// How long a transaction may be open before it is a finding.
    pub long_transaction: Duration,
}

impl Default for Examination {
    fn default() -> Self {
        Self { full: false, long_transaction: Duration::from_secs(60) }
    }
}

/// Looking at what is beneath a store: its indexes, its guards, its room, its clock, and who else
/// works there.
///
/// # Contract
/// - Nothing is changed, and nobody is made to wait.
/// - Each kind of thing that was looked at is there once at least, as [`Severity::Ok`] when there is
///   nothing to say.
/// - No finding shows a payload, a password or a statement of somebody else's.
#[async_trait]
pub trait Examine: Send + Sync {
    /// What is found.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be looked at.
    async fn examine(&self, how: &Examination) -> Result<Vec<Finding>, StoreError>;
}

/// How a store's tables stand to what this program knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MigrationStatus {
    /// Its number.
    pub version: u32,
    /// Its name.
    pub name: String,
    /// What became of it.
    pub state: MigrationState,
}

/// What became of a migration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MigrationState {
    /// Applied at this time, as this program knows it.
    Applied(Timestamp),
    /// Not applied yet.
    Missing,
    /// Applied, though not as this program knows it: the store was made by another build.
    Changed(Timestamp),
    /// Applied, and not known here: the store was made by a newer version.
    Unknown(Timestamp),
}

/// A migration that was applied, as a store keeps it. For authors of stores.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppliedMigration {
    /// Its number.
    pub version: u32,
    /// Its name.
    pub name: String,
    /// What tells it from another of the same number.
    pub checksum: String,
    /// When it was applied.
    pub applied_at: Timestamp,
}

impl MigrationStatus {
    /// Compares the migrations that a program knows, by number, name and checksum, with those that
    /// were applied. For authors of stores.
    pub fn compare<'k>(
        known: impl IntoIterator<Item = (u32, &'k str, String)>,
        applied: &[AppliedMigration],
    ) -> Vec<Self> {
        let mut all: BTreeMap<u32, Self> = applied
            .iter()
            .map(|one| {
                let state = MigrationState::Unknown(one.applied_at);
                (one.version, Self { version: one.version, name: one.name.clone(), state })
            })
            .collect();
        for (version, name, checksum) in known {
            let state = match applied.iter().find(|one| one.version == version) {
                None => MigrationState::Missing,
                Some(one) if one.checksum == checksum => MigrationState::Applied(one.applied_at),
                Some(one) => MigrationState::Changed(one.applied_at),
            };
            all.insert(version, Self { version, name: name.to_owned(), state });
        }
        all.into_values().collect()
    }
}

#[cfg(test)]
mod tests {
    /// It must stay usable behind a pointer.
    const _: fn(&dyn super::Examine) = |_| {};
}
