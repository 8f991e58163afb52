//! Receives some queues, over one connection at a time.

use std::future::{pending, poll_fn};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use annals_core::Backoff;
use async_trait::async_trait;
use lapin::message::Delivery;
use tokio::time::{Instant, sleep, sleep_until, timeout_at};

use super::claims::Claim;
use super::decode::message;
use super::errors::{Failure, explain, word};
use super::lane::Lane;
use super::link::Link;
use super::publisher::PAUSES;
use super::source::Shared;
use crate::source::{ReceiveError, Received, Receiver};

/// How long nothing comes before it is looked for who else has the queue.
const LOOK_AFTER: Duration = Duration::from_secs(3);

/// How long whoever hangs up may take to be gone.
const HAND_OVER: Duration = Duration::from_secs(3);

/// How often it is tried again in the meantime.
const HAND_OVER_PAUSE: Duration = Duration::from_millis(50);

/// How long an acknowledgement may take to leave.
const ACKNOWLEDGE: Duration = Duration::from_secs(5);

pub(super) struct RabbitMqReceiver {
    shared: Arc<Shared>,
    claim: Arc<Claim>,
    group: String,
    queues: Vec<String>,
    session: Option<Session>,
    number: u64,
    /// Which lane is asked first.
    turn: usize,
    pauses: Backoff,
    again: Instant,
}

/// Connection, channels and consumers: they are made together, and go together.
struct Session {
    lanes: Vec<Lane>,
    link: Arc<Link>,
}

impl RabbitMqReceiver {
    pub(super) fn new(
        shared: Arc<Shared>,
        claim: Arc<Claim>,
        group: &str,
        queues: Vec<String>,
    ) -> Self {
        Self {
            shared,
            claim,
            group: group.to_owned(),
            queues,
            session: None,
            number: 0,
            turn: 0,
            pauses: Backoff::new(PAUSES.0, PAUSES.1),
            again: Instant::now(),
        }
    }

    /// Connects and begins to receive, if it has not.
    pub(super) async fn begin(&mut self) -> Result<(), Failure> {
        if self.queues.is_empty() {
            return Ok(());
        }
        if self.claim.is_lost() {
            return Err(Failure::Down(format!(
                "somebody else receives {} for the group `{}` now",
                self.queues.join(", "),
                self.group,
            )));
        }
        if self.session.is_some() {
            return Ok(());
        }
        sleep_until(self.again).await;
        self.pause_after_this();
        self.session = Some(self.connect().await?);
        Ok(())
    }

    async fn connect(&self) -> Result<Session, Failure> {
        let target = &self.shared.target;
        let deadline = Instant::now() + target.connect_timeout;
        let link = Arc::new(Link::open(target, deadline).await?);
        self.claim.is_used_by(&link);
        if self.claim.is_lost() {
            return Err(Failure::Down("somebody else has the queues now".to_owned()));
        }
        self.shared.topology.make(&link, Some(&self.group), deadline).await?;
        let mut lanes = Vec::new();
        for queue in &self.queues {
            lanes.push(self.lane(&link, queue, deadline).await?);
        }
        Ok(Session { lanes, link })
    }

    async fn lane(&self, link: &Link, queue: &str, deadline: Instant) -> Result<Lane, Failure> {
        let each = usize::from(self.shared.prefetch) / self.queues.len();
        let prefetch = u16::try_from(each).unwrap_or(u16::MAX).max(1);
        let (take_over, tag) = (self.shared.take_over, format!("annals.{}.{queue}", self.group));
        // A name that is too long for a tag is none.
        let tag = if tag.len() > 255 { "" } else { &tag };
        let hand_over = Instant::now() + HAND_OVER;
        loop {
            match Lane::open(link, queue, prefetch, take_over, tag, deadline).await {
                Err(failure) if explain::is_in_use(&failure) => {
                    if Instant::now() >= hand_over.min(deadline) {
                        return Err(Failure::Down(format!(
                            "the queue `{queue}` on {} is received by somebody else: whoever it is has to \
                             hang up, or be silent for two heartbeats",
                            link.broker(),
                        )));
                    }
                    sleep(HAND_OVER_PAUSE).await;
                }
                opened => return opened,
            }
        }
    }

    /// What has come, and may be handed out.
    async fn next(&mut self, limit: usize) -> Result<Vec<Received>, Failure> {
        let Some(session) = &mut self.session else { return pending().await };
        let waits = session.lanes.iter().any(Lane::waits);
        let came = poll_fn(|context| session.poll(&mut self.turn, limit, context));
        let came = if waits {
            match timeout_at(Instant::now() + LOOK_AFTER, came).await {
                Ok(came) => came?,
                Err(_) => {
                    session.look_for_others(self.shared.target.connect_timeout).await?;
                    return Ok(Vec::new());
                }
            }
        } else {
            came.await?
        };
        self.pauses.reset();
        let mut received = Vec::with_capacity(came.len());
        for (lane, delivery) in came {
            self.number += 1;
            session.lanes[lane].hand_out(self.number, delivery.delivery_tag);
            received.push(Received { number: self.number, message: message(delivery) });
        }
        Ok(received)
    }

    fn pause_after_this(&mut self) {
        self.again = Instant::now() + self.pauses.next_pause();
    }

    /// Ends the connection, unless it is as good as before. Everything that was not acknowledged comes again.
    fn end(&mut self) {
        if let Some(session) = self.session.take_if(|session| !session.only_waits()) {
            drop(session);
            self.pause_after_this();
        }
    }
}

impl Session {
    /// Messages of all lanes that have some, each lane in order. Nothing is handed out of a session that has
    /// lost a lane: all of it comes again.
    fn poll(
        &mut self,
        turn: &mut usize,
        limit: usize,
        context: &mut Context<'_>,
    ) -> Poll<Result<Vec<(usize, Delivery)>, Failure>> {
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

    async fn look_for_others(&mut self, limit: Duration) -> Result<(), Failure> {
        let deadline = Instant::now() + limit;
        for lane in self.lanes.iter_mut().filter(|lane| lane.waits()) {
            lane.look_for_others(&self.link, deadline).await?;
        }
        Ok(())
    }

    /// Whether nothing is wrong but that somebody else was here before.
    fn only_waits(&self) -> bool {
        self.link.is_up() && self.lanes.iter().any(Lane::waits)
    }
}

#[async_trait]
impl Receiver for RabbitMqReceiver {
    async fn receive(&mut self, limit: usize) -> Result<Vec<Received>, ReceiveError> {
        loop {
            self.begin().await.map_err(Failure::receiving)?;
            match self.next(limit.max(1)).await {
                Ok(received) if received.is_empty() => {}
                Ok(received) => return Ok(received),
                Err(failure) => {
                    self.end();
                    return Err(failure.receiving());
                }
            }
        }
    }

    async fn acknowledge(&mut self, number: u64) -> Result<(), ReceiveError> {
        let broker = &self.shared.target.broker;
        if self.claim.is_lost() {
            return Err(ReceiveError::down(format!(
                "{broker}: somebody else receives for the group `{}` now, and gets it again",
                self.group
            )));
        }
        // What a connection before this one has handed out comes again, whatever is said about it.
        let Some(session) = &mut self.session else { return Ok(()) };
        let deadline = Instant::now() + ACKNOWLEDGE;
        for lane in &mut session.lanes {
            match timeout_at(deadline, lane.acknowledge(number)).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => {
                    let why = format!("{broker} has ended the connection: {}", word(&error));
                    return Err(ReceiveError::down(why));
                }
                Err(_) => return Err(explain::silent(broker, "acknowledging").receiving()),
            }
        }
        Ok(())
    }
}
