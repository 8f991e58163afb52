//! Which instances there are, those that have ended, too.

use annals_core::StreamId;
use annals_core::store::{Browse, StoreError, StreamsQuery};

use crate::event::{category, stream_of};

/// The instances of a saga by name, those behind `after`, `most` of them, and
/// [`MAX_STREAMS`](annals_core::store::MAX_STREAMS) at the most. Those that have ended are among them.
///
/// # Errors
/// [`StoreError`] when the store cannot be read.
pub async fn names(
    log: &dyn Browse,
    saga: &str,
    after: Option<&str>,
    most: usize,
) -> Result<Vec<String>, StoreError> {
    let mut query = StreamsQuery::all().category(category(saga)).limit(most);
    query.after = after.and_then(|after| stream_of(saga, after).ok());
    let page = log.streams(&query).await?;
    let name = |stream: &StreamId| stream.id().to_owned();
    Ok(page.iter().map(|one| name(&one.stream)).collect())
}
