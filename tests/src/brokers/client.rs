//! The client of whatever broker a URL names, for programs that are told where to send and to receive.

use std::sync::Arc;

use annals::outbox::{Address, Publisher, Source};

type Outcome<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// A publisher, and the address that leads to a place; the place is made if it is not there.
///
/// # Errors
/// A URL that names no broker, or options that cannot be.
pub async fn publisher(url: &str, place: &str) -> Outcome<(Arc<dyn Publisher>, Address)> {
    match scheme(url) {
        other => Err(format!("`{other}` is no broker").into()),
    }
}

/// What comes to a place, in one lane.
///
/// # Errors
/// As [`publisher`].
pub async fn source(url: &str, place: &str) -> Outcome<Arc<dyn Source>> {
    match scheme(url) {
        other => Err(format!("`{other}` is no broker").into()),
    }
}

fn scheme(url: &str) -> &str {
    url.split(':').next().unwrap_or(url)
}
