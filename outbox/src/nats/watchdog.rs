//! Whether lanes still move, and whether all of their messages came.

use std::sync::Arc;

use tokio::time::{Duration, Instant};

use super::lane::Lane;
use super::receiver::NatsReceiver;
use super::{consumer, group, stream};
use crate::source::ReceiveError;

/// How often a stream is asked what it has thrown away, at the most.
const LOOK_INTO_JUMPS_EVERY: Duration = Duration::from_secs(1);

/// A lane without messages is noted down behind so many messages of others, so that what is thrown away of
/// those is no gap in it.
const NOTE_BEHIND: u64 = 10_000;

impl NatsReceiver {
    /// Looks at lanes from which nothing has come for long.
    pub(super) async fn look(&mut self) -> Result<(), ReceiveError> {
        let quiet_for = self.link.options().quiet_for;
        for place in 0..self.lanes.len() {
            let Some(session) = &self.session else { return Ok(()) };
            let live = Arc::clone(&session.live);
            let Some(at) = &self.lanes[place].at else { continue };
            if at.due(quiet_for).is_none_or(|due| due > Instant::now()) {
                continue;
            }
            let name = at.consumer.clone();
            // The end of the stream first: whatever is before it was asked for.
            let Some(end) = stream::info(&live, &self.stream).await? else {
                return Err(ReceiveError::down(format!(
                    "the stream `{}` was deleted",
                    self.stream
                )));
            };
            let end = end.state.last_sequence;
            let info = consumer::info(&live, &self.stream, &name).await?;
            let Some(info) = info else {
                return Err(ReceiveError::down(format!("the consumer `{name}` was deleted")));
            };
            self.drain()?;
            let lane = &mut self.lanes[place];
            let Some(at) = &mut lane.at else { continue };
            if at.due(quiet_for).is_none_or(|due| due > Instant::now()) {
                continue;
            }
            if info.num_pending > 0 && info.num_ack_pending < consumer::MAX_UNACKNOWLEDGED {
                return Err(ReceiveError::down(format!(
                    "the consumer `{name}` has {} messages and has sent none for {quiet_for:?}: it \
                     is made anew",
                    info.num_pending
                )));
            }
            at.looked(Instant::now());
            let all_had = info.num_pending == 0 && info.num_ack_pending == 0;
            if let (Some(last), Some(known)) = (at.rests_at(), &mut lane.known)
                && all_had
                && known.had == last
                && end.saturating_sub(last) >= NOTE_BEHIND
            {
                known.had = end;
                lane.at = None;
                self.take(place).await?;
            }
        }
        Ok(())
    }

    /// Finds out whether numbers between two messages were thrown away.
    pub(super) async fn look_into_jumps(&mut self) -> Result<(), ReceiveError> {
        let jumped = |lane: &Lane| lane.at.as_ref().is_some_and(|at| at.jump.is_some());
        if self.looked_into_jumps.elapsed() < LOOK_INTO_JUMPS_EVERY
            || !self.lanes.iter().any(jumped)
        {
            return Ok(());
        }
        let Some(session) = &self.session else { return Ok(()) };
        let Some(info) = stream::info(&session.live, &self.stream).await? else { return Ok(()) };
        self.looked_into_jumps = Instant::now();
        for place in 0..self.lanes.len() {
            let jump = self.lanes[place].at.as_mut().and_then(|at| at.jump.take());
            let lane = &self.lanes[place];
            let gap = jump.and_then(|had| group::gap(self.claim(lane), &info, had));
            self.gaps.extend(gap);
        }
        Ok(())
    }
}
