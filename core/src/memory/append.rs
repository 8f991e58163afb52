//! Appending in memory.

use std::time::Instant;

use super::MemoryStore;
use super::state::State;
use super::transaction::MemoryTransaction;
use crate::names::Position;
use crate::store::{
    Append, Appended, AppendedStream, StoreError, StoredPlace, Strict, measure_commit,
};
use crate::time::cut_time;

impl MemoryStore {
    pub(super) async fn append_one(&self, append: Append) -> Result<Appended, StoreError> {
        append.check()?;
        let mut state = self.lock().await?;
        let (before, begun) = (state.head(), Instant::now());
        let mut transaction = MemoryTransaction::begin(self, &mut state);
        let appended = transaction.append_with_hooks(&append).await?;
        transaction.commit();
        if state.head() > before {
            measure_commit("memory", 1, state.head().since(before), begun.elapsed());
        }
        self.wakeups.wake(state.head());
        Ok(appended)
    }
}

impl MemoryTransaction<'_> {
    /// Appends, with its hooks before and after. What they have written is taken back when the append
    /// is a repetition; after an error the transaction must not be committed.
    pub(super) async fn append_with_hooks(
        &mut self,
        append: &Append,
    ) -> Result<Appended, StoreError> {
        let (mark, now) = (self.store.mark(), cut_time(self.store.clock.now()));
        let begun = self.savepoint();
        let mut before = Strict::for_hooks(self);
        for hook in &append.hooks {
            mark.around(hook.before(&mut before)).await?;
        }
        before.finish()?;
        if let Some(first) = self.state.first_result(append)? {
            self.roll_back_to(begun);
            return Ok(first);
        }
        for stream in &append.streams {
            let actual = self.state.version(&stream.stream);
            if !stream.expected.admits(actual) {
                return Err(StoreError::Conflict {
                    stream: stream.stream.clone(),
                    expected: stream.expected,
                    actual,
                });
            }
        }
        let head = self.state.head();
        let appended = self.write(append, now);
        let events = self.state.events[head.get() as usize..].to_vec();
        if !events.is_empty() {
            let mut after = Strict::for_hooks(self);
            for hook in &append.hooks {
                mark.around(hook.run(&events, &mut after)).await?;
            }
            after.finish()?;
        }
        Ok(appended)
    }
}

impl State {
    /// The result of this very append, if it was made before.
    fn first_result(&self, append: &Append) -> Result<Option<Appended>, StoreError> {
        let key = append.command.as_ref();
        if let Some(record) = key.and_then(|key| self.commands.get(key.as_str())) {
            return append.recorded_result(record.clone()).map(Some);
        }
        let find = |id| {
            let event = self.ids.get(&id).map(|&position| self.event(position));
            Ok(event.map(|event| StoredPlace {
                position: event.position,
                stream: event.stream.clone(),
                version: event.version,
                recorded_at: event.recorded_at,
                event_type: event.event_type.clone(),
                payload: event.payload.clone(),
            }))
        };
        append.first_result(find, |stream, before| Ok(self.version_before(stream, before)))
    }

    /// Writes an append. It is not recorded before the event that precedes it, whatever the clock
    /// says.
    pub(super) fn write(&mut self, append: &Append, now: jiff::Timestamp) -> Appended {
        let now = self.events.last().map_or(now, |last| last.recorded_at.max(now));
        let mut streams = Vec::new();
        for wanted in &append.streams {
            let before = self.version(&wanted.stream);
            for (event, n) in wanted.events.iter().zip(1..) {
                let position = Position::new(self.head().get() + 1);
                self.ids.insert(event.id, position);
                self.streams.entry(wanted.stream.clone()).or_default().push(position);
                let stream = wanted.stream.clone();
                self.events.push(event.record(stream, before.plus(n), position, now));
            }
            let after = before.plus(wanted.events.len() as u64);
            streams.push(AppendedStream { stream: wanted.stream.clone(), before, after });
        }
        let position = if append.event_count() > 0 {
            self.head()
        } else {
            let stream = append.streams.first().and_then(|s| self.streams.get(&s.stream));
            stream.and_then(|positions| positions.last()).copied().unwrap_or_default()
        };
        let appended = Appended { streams, position, recorded_at: now, repeated: false };
        if let Some((key, record)) = append.command_record(&appended) {
            self.commands.insert(key.as_str().to_owned(), record);
        }
        appended
    }

    /// Takes back what [`write`](Self::write) did: the events beyond `head`, and the record of
    /// the command.
    pub(super) fn unwrite(&mut self, head: Position, command: Option<&str>) {
        for event in self.events.drain(head.get() as usize..) {
            self.ids.remove(&event.id);
            if let Some(positions) = self.streams.get_mut(&event.stream) {
                positions.pop();
            }
        }
        if let Some(key) = command {
            self.commands.remove(key);
        }
    }
}
