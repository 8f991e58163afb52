//! The steps of an instance, read from its stream.

use annals_core::store::{EventLog, StoreError, StreamQuery};
use annals_core::{Recorded, StreamId, StreamVersion};

use crate::event::SagaEvent;
use crate::step::Step;

/// Why the steps of an instance cannot be read.
pub(crate) enum Unread {
    Store(StoreError),
    /// What stands at a version cannot be understood.
    Corrupt {
        version: StreamVersion,
        why: String,
    },
}

/// Reads the steps of an instance, the oldest first, and returns how far its stream reaches.
pub(crate) async fn read(
    log: &dyn EventLog,
    stream: &StreamId,
    mut each: impl FnMut(Step) -> Result<(), String> + Send,
) -> Result<StreamVersion, Unread> {
    let mut version = StreamVersion::NONE;
    loop {
        let query = StreamQuery::all(stream.clone()).after(version);
        let page = log.read_stream(&query).await.map_err(Unread::Store)?;
        let is_last = query.ends_with(&page);
        for event in page {
            version = event.version;
            let corrupt = |why: String| Unread::Corrupt { version, why };
            let recorded = Recorded::<SagaEvent>::decode(event);
            let recorded = recorded.map_err(|error| corrupt(error.to_string()))?;
            if let SagaEvent::Stepped { step } = recorded.data {
                each(step).map_err(corrupt)?;
            }
        }
        if is_last {
            return Ok(version);
        }
    }
}
