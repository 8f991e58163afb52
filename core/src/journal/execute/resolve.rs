//! An append whose reply was lost.

use tokio::time::{Instant, timeout_at};

use super::backoff::Backoff;
use crate::journal::{Journal, observe};
use crate::store::{Append, Appended, StoreError};

impl Journal {
    /// Appends, and when the reply is lost, appends the same ids again to learn what became of
    /// them: that returns the first result if it was written, and writes it if it was not.
    ///
    /// Only what judges the append itself settles the question; whatever else goes wrong in the
    /// meantime, a server that shuts down or is read-only now, says nothing of the first try.
    pub(super) async fn append_resolving(&self, append: Append) -> Result<Appended, StoreError> {
        observe::append(observe::appending(&append), self.append_until_told(&append)).await
    }

    async fn append_until_told(&self, append: &Append) -> Result<Appended, StoreError> {
        let lost = match self.log().append(append.clone()).await {
            Err(error) if error.may_have_written() => error,
            told => return told,
        };
        let end = Instant::now() + self.inner.options.resolve_for;
        let mut backoff = Backoff::patient(&self.inner.options);
        loop {
            backoff.pause().await;
            let again = self.log().append(append.clone());
            let told = if backoff.pauses() == 1 {
                // Not cut short: without a single try nothing could be learned.
                again.await
            } else {
                match timeout_at(end, again).await {
                    Ok(told) => told,
                    Err(_) => return Err(lost),
                }
            };
            match told {
                Ok(appended) => return Ok(first_told(append, appended)),
                Err(answer) if answer.is_answer() => return Err(answer),
                Err(_) if Instant::now() >= end => return Err(lost),
                Err(_) => {}
            }
        }
    }
}

/// The result of an append whose first reply was lost: whoever asked was told of no other, so to
/// them it is the first. With a key it may be the result of another's append, and stays marked.
fn first_told(append: &Append, appended: Appended) -> Appended {
    Appended { repeated: appended.repeated && append.command.is_some(), ..appended }
}
