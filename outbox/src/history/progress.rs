//! How far a history has been taken in, in the workspace of whoever takes it in.

use std::sync::Arc;

use annals_consumers::{ConsumeError, PartitionRecord};
use annals_core::Position;
use annals_core::store::{StoreError, TransactExt, Workspace};
use serde::{Deserialize, Serialize};

/// Where a history stands. It may lag behind the effects, and is then taken in once more from there: the inbox
/// absorbs that.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Stands {
    /// Everything up to here has had its effect.
    pub(crate) after: Position,
    /// Whether that is its end.
    pub(crate) at_end: bool,
}

impl Stands {
    const START: Self = Self { after: Position::START, at_end: false };
}

/// The place where that is kept.
pub(crate) struct Progress {
    work: Arc<dyn Workspace>,
    key: String,
}

impl Progress {
    /// That of a consumer's partition, and where it stands.
    pub(crate) async fn of(
        work: &Arc<dyn Workspace>,
        partition: &PartitionRecord,
    ) -> Result<(Self, Stands), ConsumeError> {
        let PartitionRecord { consumer, generation, .. } = partition;
        let progress = Self { work: work.clone(), key: format!("history/{consumer}/{generation}") };
        let taken_in = work.checkpoint(&partition.id().checkpoint()).await?;
        // One that has had nothing was perhaps removed, and is run again: whatever stands there is another's.
        if taken_in.is_none_or(|position| position == Position::START) {
            return Ok((progress, Stands::START));
        }
        let stands = match work.state(&progress.key).await? {
            Some(text) => progress.read(&text)?,
            None => Stands::START,
        };
        Ok((progress, stands))
    }

    fn read(&self, text: &str) -> Result<Stands, StoreError> {
        serde_json::from_str(text).map_err(|error| StoreError::Corrupt {
            place: format!("the state `{}`", self.key),
            detail: error.to_string(),
        })
    }

    /// Notes where it stands now.
    pub(crate) async fn note(&self, stands: Stands) -> Result<(), ConsumeError> {
        let text = serde_json::to_string(&stands).expect("numbers are always JSON");
        let key = self.key.clone();
        let noted = self.work.transact_with(move |transaction| {
            let (key, text) = (key.clone(), text.clone());
            Box::pin(async move { transaction.put_state(&key, &text).await })
        });
        Ok(noted.await?)
    }
}
