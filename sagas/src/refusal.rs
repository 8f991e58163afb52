//! What the domain has refused.

use std::fmt;

use crate::decision::Errand;

/// A command that a saga has sent, and the domain has refused.
#[derive(Debug, Clone, Copy)]
pub struct Refusal<'r> {
    pub(crate) errand: &'r Errand,
    pub(crate) reason: &'r str,
}

impl Refusal<'_> {
    /// The command's name.
    pub fn command(&self) -> &str {
        &self.errand.command
    }

    /// The id of the aggregate that has refused it.
    pub fn id(&self) -> &str {
        &self.errand.id
    }

    /// Why, in the words of the aggregate's error.
    pub fn reason(&self) -> &str {
        self.reason
    }
}

impl fmt::Display for Refusal<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Errand { command, category, id, .. } = self.errand;
        write!(f, "`{command}` was refused by `{category}-{id}`: {}", self.reason)
    }
}
