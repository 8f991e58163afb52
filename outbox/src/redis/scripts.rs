//! What runs inside the server, where nobody comes between a look and a change.

/// A script, which a connection gives to the server when it begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Script {
    /// Appends a message unless its id is known.
    Append,
    /// Makes a new receiver the only one.
    TakeOver,
    /// Reads for a receiver that nobody has replaced.
    Read,
    /// Acknowledges for a receiver that nobody has replaced.
    Acknowledge,
}

impl Script {
    /// Its text in Lua.
    pub(super) fn text(self) -> &'static str {
        match self {
            Self::Append => include_str!("scripts/append.lua"),
            Self::TakeOver => {
                concat!(
                    include_str!("scripts/ownership.lua"),
                    include_str!("scripts/take_over.lua")
                )
            }
            Self::Read => {
                concat!(include_str!("scripts/ownership.lua"), include_str!("scripts/read.lua"))
            }
            Self::Acknowledge => {
                concat!(
                    include_str!("scripts/ownership.lua"),
                    include_str!("scripts/acknowledge.lua")
                )
            }
        }
    }
}
