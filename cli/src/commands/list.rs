//! `annals streams list`.

use annals::store::{MAX_STREAMS, Operate, StreamSummary, StreamsQuery};
use annals::{StreamId, Timestamp};
use serde::Serialize;

use crate::failure::Failure;
use crate::screen::{Screen, table};

#[derive(Serialize)]
struct Listed<'l> {
    stream: &'l str,
    version: u64,
    position: u64,
    recorded_at: Timestamp,
}

pub(crate) async fn list(
    store: &dyn Operate,
    category: Option<String>,
    after: Option<StreamId>,
    limit: usize,
    screen: &mut Screen,
) -> Result<(), Failure> {
    let (mut left, mut query) = (limit, StreamsQuery { category, after, limit: 0 });
    while left > 0 {
        query = query.limit(left.min(MAX_STREAMS));
        let page = store.streams(&query).await?;
        show(&page, screen)?;
        left -= page.len();
        match page.last() {
            Some(last) if page.len() == query.limit => query = query.after(last.stream.clone()),
            _ => return Ok(()),
        }
    }
    Ok(())
}

/// Widths are those of a page: a list may be long.
fn show(page: &[StreamSummary], screen: &mut Screen) -> Result<(), Failure> {
    if screen.is_json() {
        return page.iter().try_for_each(|one| {
            screen.json(&Listed {
                stream: one.stream.as_str(),
                version: one.version.get(),
                position: one.position.get(),
                recorded_at: one.recorded_at,
            })
        });
    }
    if page.is_empty() {
        return Ok(());
    }
    let rows = page.iter().map(|one| {
        let (version, position) = (one.version.to_string(), one.position.to_string());
        [one.stream.to_string(), version, position, one.recorded_at.to_string()]
    });
    screen.line(&table(["STREAM", "VERSION", "POSITION", "LAST RECORDED AT"], rows))
}
