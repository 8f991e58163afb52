//! The history of one consumer, on its way in.

use std::collections::VecDeque;
use std::sync::Arc;

use annals_consumers::ConsumeError;
use tokio::task::JoinHandle;

use super::progress::{Progress, Stands};
use super::{History, HistoryError, HistoryPage};
use crate::message::Message;

/// How many events of the owner's log a page is made of at the most.
const MOST: usize = 10_000;

/// Reads a history page after page to its end, and remembers what has had its effect.
pub(crate) struct Beginning {
    history: Arc<dyn History>,
    progress: Progress,
    /// Read up to here.
    read: Stands,
    /// The next page, on a task of its own: whoever waits for messages is interrupted now and then.
    page: Option<Reading>,
    /// Read and not handed out, with where the history stands when it has had its effect.
    ready: VecDeque<(Stands, Message)>,
    /// Handed out and not acknowledged.
    handed_out: VecDeque<(u64, Stands)>,
    /// The number of the last message that was handed out.
    number: u64,
    /// Whether the end is noted.
    done: bool,
}

/// A page that is being read; no longer when nobody waits for it any more.
struct Reading(JoinHandle<Result<HistoryPage, HistoryError>>);

impl Drop for Reading {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Beginning {
    pub(crate) fn new(history: Arc<dyn History>, progress: Progress, stands: Stands) -> Self {
        Self {
            history,
            progress,
            read: stands,
            page: None,
            ready: VecDeque::new(),
            handed_out: VecDeque::new(),
            number: 0,
            done: stands.at_end,
        }
    }

    /// Whose history it is.
    pub(crate) fn origin(&self) -> &str {
        self.history.origin()
    }

    /// How many messages it has handed out: the number of the last.
    pub(crate) fn handed_out(&self) -> u64 {
        self.number
    }

    /// Whether all of it has had its effect, and that is noted.
    pub(crate) fn is_done(&self) -> bool {
        self.done
    }

    /// The next messages with their numbers; none when all are handed out. Cancel safe.
    ///
    /// # Errors
    /// [`ConsumeError::Blocked`] while it cannot be read; the next call tries again.
    pub(crate) async fn next(&mut self, limit: usize) -> Result<Vec<(u64, Message)>, ConsumeError> {
        while self.ready.is_empty() && !self.read.at_end {
            let page = self.page(limit).await?;
            self.take(page)?;
        }
        let messages = self.ready.drain(..limit.max(1).min(self.ready.len()));
        let mut numbered = Vec::with_capacity(messages.len());
        for (stands, message) in messages {
            self.number += 1;
            self.handed_out.push_back((self.number, stands));
            numbered.push((self.number, message));
        }
        if numbered.is_empty() && self.handed_out.is_empty() && !self.done {
            self.progress.note(self.read).await?;
            self.done = true;
        }
        Ok(numbered)
    }

    async fn page(&mut self, limit: usize) -> Result<HistoryPage, ConsumeError> {
        let reading = self.page.get_or_insert_with(|| {
            let (history, after) = (self.history.clone(), self.read.after);
            let limit = limit.clamp(1, MOST);
            Reading(tokio::spawn(async move { history.page(after, limit).await }))
        });
        let read = (&mut reading.0).await;
        self.page = None;
        let read = read.unwrap_or_else(|error| Err(HistoryError::down(error)));
        read.map_err(|error| error.consequence(self.history.origin()))
    }

    fn take(&mut self, page: HistoryPage) -> Result<(), ConsumeError> {
        let HistoryPage { messages, next, at_end } = page;
        let mut stands = self.read;
        let end = Stands { after: next, at_end };
        if next < stands.after || (next == stands.after && !at_end) {
            let why = format!("what follows {} ends at {next}", stands.after);
            return Err(HistoryError::down(why).consequence(self.history.origin()));
        }
        let mut messages = messages.into_iter().peekable();
        while let Some((position, message)) = messages.next() {
            // It has had its effect when all messages of its position have.
            match messages.peek() {
                None => stands = end,
                Some((following, _)) if *following != position => stands.after = position,
                Some(_) => {}
            }
            self.ready.push_back((stands, message));
        }
        self.read = end;
        Ok(())
    }

    /// All messages up to this number have had their effect.
    ///
    /// # Errors
    /// What the workspace runs into; nothing is lost, and the same can be said again.
    pub(crate) async fn acknowledge(&mut self, number: u64) -> Result<(), ConsumeError> {
        let had = self.handed_out.iter().take_while(|(handed_out, _)| *handed_out <= number);
        let (count, last) =
            had.fold((0, None), |(count, _), (_, stands)| (count + 1, Some(*stands)));
        let Some(mut stands) = last else { return Ok(()) };
        if count == self.handed_out.len() && self.ready.is_empty() {
            // What follows the last message became none.
            stands = self.read;
        }
        self.progress.note(stands).await?;
        self.handed_out.drain(..count);
        self.done = stands.at_end;
        Ok(())
    }
}
