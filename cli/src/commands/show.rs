//! `annals streams show STREAM`.

use annals::store::{MAX_PAGE, Operate, ReadDirection, StreamQuery};
use annals::{StreamId, StreamVersion};

use crate::failure::Failure;
use crate::screen::Screen;

pub(crate) async fn show(
    store: &dyn Operate,
    stream: StreamId,
    from: Option<u64>,
    limit: usize,
    backward: bool,
    screen: &mut Screen,
) -> Result<(), Failure> {
    let mut query = StreamQuery::all(stream.clone());
    match (from, backward) {
        (Some(from), false) => query.from = StreamVersion::new(from.max(1)),
        (Some(from), true) => query.to = StreamVersion::new(from),
        (None, _) => {}
    }
    if backward {
        query = query.backward();
    }
    let (mut left, mut shown) = (limit, 0);
    while left > 0 {
        query = query.limit(left.min(MAX_PAGE));
        let page = store.read_stream(&query).await?;
        page.iter().try_for_each(|event| screen.event(event))?;
        shown += page.len();
        left -= page.len().min(left);
        let Some(last) =
            page.last().filter(|_| !query.ends_with(&page) || page.len() == query.limit)
        else {
            break;
        };
        match query.direction {
            ReadDirection::Forward => query.from = last.version.plus(1),
            ReadDirection::Backward => {
                query.to = StreamVersion::new(last.version.get().saturating_sub(1));
            }
        }
    }
    if shown > 0 || limit == 0 {
        return Ok(());
    }
    let there = store.read_stream(&StreamQuery::all(stream.clone()).limit(1)).await?;
    Err(Failure::NotThere(match there.is_empty() {
        true => {
            format!("there is no stream `{stream}`: `annals streams list` shows those there are")
        }
        false => format!("stream `{stream}` has no event at these versions"),
    }))
}
