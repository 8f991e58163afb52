//! Options of a broker's client that can never work.

/// Options of a broker's client that can never work. That a broker is not there is none of them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{why}")]
pub struct InvalidOptions {
    /// Which one, and what would do. It shows no password.
    pub why: String,
}

#[cfg(any(feature = "kafka", feature = "rabbitmq", feature = "tls"))]
impl InvalidOptions {
    pub(crate) fn new(why: impl Into<String>) -> Self {
        Self { why: why.into() }
    }
}
