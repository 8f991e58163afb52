//! Requests about the rows of one key: carried out by whoever has the partition that the key falls into,
//! and by the next one when that is lost before it is done.

use annals_core::Slice;
use annals_core::store::StoreError;
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::requests::{Outcome, arguments};
use super::sweep::{Running, Sweeper};
use super::view::View;
use crate::records::{PartitionId, RequestRecord};
use crate::worker::Anew;

/// What asks for it.
pub(crate) const REBUILD_KEY: &str = "rebuild-key";

/// The key.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Key {
    pub(crate) key: String,
}

/// Ends with an answer, or with nothing when it is to be tried again.
pub(super) type MakingAnew = JoinHandle<Option<Result<String, String>>>;

impl Sweeper {
    /// Whether this member is to deal with a request: those about a key are for whoever has its partition.
    pub(super) fn may_take(&self, request: &RequestRecord, view: &View) -> bool {
        if request.verb != REBUILD_KEY {
            return true;
        }
        // What cannot be read is refused by whoever sees it.
        arguments::<Key>(&request.arguments)
            .map_or(true, |Key { key }| self.holder_of(request, &key, view).is_some())
    }

    /// The partition of the serving generation that a key falls into, if this member works on it.
    fn holder_of(&self, request: &RequestRecord, key: &str, view: &View) -> Option<PartitionId> {
        let slice = Slice::of(key).get();
        let serving = view.consumers.get(&request.consumer)?.generation;
        let mut own = self.running.iter();
        let holds = |(id, running): &(&PartitionId, &Running)| {
            id.consumer == request.consumer
                && id.generation == serving
                && running.partition.slices().contains(&slice)
        };
        own.find(holds).map(|(id, _)| id.clone())
    }

    /// Leaves a request to whoever has the partition now.
    pub(super) async fn give_back(&mut self, request: &RequestRecord) -> Result<(), StoreError> {
        if let Some(making) = self.anew.remove(&request.id) {
            making.abort();
        }
        self.release_request(request.id).await
    }

    /// Has whoever works on the partition make the rows of a key anew, or looks whether that is done.
    pub(super) async fn rebuild_key(
        &mut self,
        request: &RequestRecord,
        view: &View,
    ) -> Result<Outcome, StoreError> {
        let Key { key } = arguments(&request.arguments)?;
        if let Some(making) = self.anew.remove(&request.id) {
            if !making.is_finished() {
                self.anew.insert(request.id, making);
                return Ok(Outcome::NotYet);
            }
            // It catches panics itself; broken off, it is tried again.
            match making.await.unwrap_or(None) {
                Some(Ok(answer)) => return Ok(Outcome::Done(answer)),
                Some(Err(why)) => return Ok(Outcome::Refused(why)),
                None => {}
            }
        }
        let holder = self.holder_of(request, &key, view);
        let Some(running) = holder.and_then(|id| self.running.get(&id)) else {
            return Ok(Outcome::NotYet);
        };
        let Some(consumer) = self.consumers.get(request.consumer.as_str()).cloned() else {
            return Ok(Outcome::NotYet);
        };
        let (partition, hand_over) = (running.partition.clone(), running.anew.clone());
        let up_to = running.report.borrow().position;
        let (context, stop, woken) = (self.context.clone(), self.stop.clone(), self.woken.clone());
        let making = async move {
            let read = Anew::read(&context, consumer, &partition, key, (up_to, &stop)).await;
            let anew = match read {
                Ok(Ok(anew)) => anew,
                Ok(Err(why)) => return Some(Err(why)),
                Err(error) => {
                    tracing::warn!(%error, "the history of a key cannot be read");
                    return None;
                }
            };
            let (answer, answered) = oneshot::channel();
            // Whoever had the partition may be gone; then somebody else is asked.
            hand_over.send(anew.answers(answer)).await.ok()?;
            answered.await.ok()
        };
        let making = tokio::spawn(async move {
            let made = making.await;
            woken.notify_one();
            made
        });
        self.anew.insert(request.id, making);
        Ok(Outcome::NotYet)
    }
}
