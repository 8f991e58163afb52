//! A connection with its channels and consumers.

use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use lapin::message::Delivery;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use super::claims::Claim;
use super::errors::{Failure, explain};
use super::lane::Lane;
use super::link::Link;
use super::source::Shared;

/// How long whoever hangs up may take to be gone.
const HAND_OVER: Duration = Duration::from_secs(3);

/// How often it is tried again in the meantime.
const HAND_OVER_PAUSE: Duration = Duration::from_millis(50);

/// What a receiver is to receive.
pub(super) struct Wanted {
    pub(super) shared: Arc<Shared>,
    pub(super) claim: Arc<Claim>,
    pub(super) group: String,
    pub(super) queues: Vec<String>,
}

/// Connection, channels and consumers: they are made together, and go together.
pub(super) struct Session {
    pub(super) lanes: Vec<Lane>,
    link: Arc<Link>,
}

/// A session that is being made. It is given up when it is dropped.
pub(super) struct Connecting {
    wanted: Arc<Wanted>,
    making: JoinHandle<Result<Session, Failure>>,
}

impl Connecting {
    pub(super) fn start(wanted: Arc<Wanted>) -> Self {
        let making = tokio::spawn({
            let wanted = wanted.clone();
            async move { Session::open(&wanted).await }
        });
        Self { wanted, making }
    }

    /// Waits for it. Cancel safe.
    pub(super) async fn done(&mut self) -> Result<Session, Failure> {
        let done = (&mut self.making).await;
        done.unwrap_or_else(|error| Err(Failure::Down(format!("connecting has failed: {error}"))))
    }
}

impl Drop for Connecting {
    /// The connection ends first: see [`Parting`].
    fn drop(&mut self) {
        if !self.making.is_finished() {
            self.wanted.claim.hang_up();
            self.making.abort();
        }
    }
}

impl Wanted {
    /// Whoever has the queues in this process hangs up.
    async fn take_over(&self) {
        self.claim.make(&self.shared.target.broker, &self.queues).await;
    }

    /// Somebody else has what was wanted.
    pub(super) fn lost(&self) -> Failure {
        Failure::Down(format!(
            "another receiver of this process has {} for the group `{}` now",
            self.queues.join(", "),
            self.group,
        ))
    }

    async fn lane(&self, link: &Link, queue: &str, deadline: Instant) -> Result<Lane, Failure> {
        let each = usize::from(self.shared.prefetch) / self.queues.len();
        let prefetch = u16::try_from(each).unwrap_or(u16::MAX).max(1);
        let take_over = self.shared.take_over;
        let tag = format!("annals.{}.{queue}", self.group);
        // A name that is too long for a tag is none.
        let tag = if tag.len() > 255 { "" } else { &tag };
        let hand_over = deadline.min(Instant::now() + HAND_OVER);
        loop {
            match Lane::open(link, queue, prefetch, take_over, tag, deadline).await {
                Err(failure) if explain::is_in_use(&failure) => {
                    // Nothing else stands in the way.
                    self.take_over().await;
                    if Instant::now() >= hand_over {
                        return Err(explain::somebody_else(link.broker(), queue));
                    }
                    sleep(HAND_OVER_PAUSE).await;
                }
                opened => return opened,
            }
        }
    }
}

impl Session {
    async fn open(wanted: &Wanted) -> Result<Self, Failure> {
        let shared = &wanted.shared;
        let deadline = Instant::now() + shared.target.connect_within;
        let link = Arc::new(Link::open(&shared.target, deadline).await?);
        wanted.claim.is_used_by(&link);
        if wanted.claim.is_lost() {
            return Err(wanted.lost());
        }
        shared.topology.make(&link, Some(&wanted.group), &wanted.queues, deadline).await?;
        let mut session = Self { lanes: Vec::new(), link };
        for queue in &wanted.queues {
            let lane = wanted.lane(&session.link, queue, deadline).await?;
            session.lanes.push(lane);
        }
        // Not before everything is there that receiving needs: who cannot receive takes nothing away.
        wanted.take_over().await;
        Ok(session)
    }

    /// Messages of all lanes that have some, each lane in order. Nothing is handed out of a session that has
    /// lost a lane: all of it comes again.
    pub(super) fn poll(
        &mut self,
        turn: &mut usize,
        limit: usize,
        context: &mut Context<'_>,
    ) -> Poll<Result<Vec<(usize, Delivery)>, Failure>> {
        if let Some(ended) = self.lanes.iter_mut().find(|lane| !lane.is_up()) {
            return Poll::Ready(Err(ended.why_ended(self.link.broker(), context)));
        }
        let mut came = Vec::new();
        let lanes = self.lanes.len();
        *turn = (*turn + 1) % lanes;
        for place in (*turn..lanes).chain(0..*turn) {
            while came.len() < limit {
                match self.lanes[place].poll(self.link.broker(), context) {
                    Poll::Ready(Ok(delivery)) => came.push((place, delivery)),
                    Poll::Ready(Err(failure)) => return Poll::Ready(Err(failure)),
                    Poll::Pending => break,
                }
            }
        }
        if came.is_empty() { Poll::Pending } else { Poll::Ready(Ok(came)) }
    }

    pub(super) async fn look_for_others(&mut self, limit: Duration) -> Result<(), Failure> {
        let deadline = Instant::now() + limit;
        for lane in self.lanes.iter_mut().filter(|lane| lane.waits()) {
            lane.look_for_others(&self.link, deadline).await?;
        }
        Ok(())
    }

    /// Whether nothing is wrong but that somebody else was here before.
    pub(super) fn only_waits(&self) -> bool {
        self.link.is_up() && self.lanes.iter().any(Lane::waits)
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let parting = Parting { link: self.link.clone(), _lanes: std::mem::take(&mut self.lanes) };
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move { parting.link.close().await });
        }
    }
}

/// Consumers whose connection ends before them: one that is cancelled first hands its queue on before what it
/// has not acknowledged is back in it, and the next receiver gets what follows before. That holds also when a
/// runtime ends, and nobody is left to say goodbye.
struct Parting {
    link: Arc<Link>,
    _lanes: Vec<Lane>,
}

impl Drop for Parting {
    fn drop(&mut self) {
        self.link.hang_up();
    }
}
