//! Receives the lanes of one part.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use async_nats::{Message as NatsMessage, Subscriber};
use async_trait::async_trait;
use futures_util::{FutureExt, StreamExt};
use tokio::sync::watch;
use tokio::time::{Duration, Instant, sleep_until};

use super::delivery;
use super::errors::Trouble;
use super::group::{self, Claim, NotTaken};
use super::headers;
use super::lane::{At, Lane, Room, Seen};
use super::link::Link;
use super::live::Live;
use crate::source::{ReceiveError, Received, Receiver};

/// How much all lanes of a receiver hold that was not handed out.
const MOST_BYTES: usize = 32 * 1024 * 1024;

/// More is never asked for at a time.
const MOST_MESSAGES: usize = 16_384;

/// One part of a group.
pub(super) struct NatsReceiver {
    pub(super) link: Link,
    pub(super) stream: String,
    group: String,
    /// Tells it from all other receivers.
    name: String,
    pub(super) lanes: Vec<Lane>,
    pub(super) session: Option<Session>,
    ready: VecDeque<Waiting>,
    handed_out: VecDeque<Handed>,
    number: u64,
    pub(super) gaps: VecDeque<String>,
    pub(super) looked_into_jumps: Instant,
    /// Somebody else has its lanes.
    over: Option<String>,
}

/// What goes with one connection.
pub(super) struct Session {
    pub(super) live: Arc<Live>,
    over: watch::Receiver<Option<Arc<str>>>,
    inbox: String,
    messages: Subscriber,
}

/// A message that has come and is not handed out.
struct Waiting {
    lane: usize,
    sequence: u64,
    message: NatsMessage,
}

/// A message that was handed out.
struct Handed {
    number: u64,
    lane: usize,
    turn: u64,
    sequence: u64,
    reply: String,
}

impl NatsReceiver {
    pub(super) fn new(link: Link, stream: String, group: String, lanes: Vec<String>) -> Self {
        let lanes = lanes.into_iter().map(|filter| Lane { filter, known: None, at: None });
        Self {
            link,
            stream,
            group,
            name: String::new(),
            lanes: lanes.collect(),
            session: None,
            ready: VecDeque::new(),
            handed_out: VecDeque::new(),
            number: 0,
            gaps: VecDeque::new(),
            looked_into_jumps: Instant::now(),
            over: None,
        }
    }

    /// Takes all lanes, if that is not done. It goes on where it was broken off.
    pub(super) async fn begin(&mut self) -> Result<(), ReceiveError> {
        if let Some(over) = &self.over {
            return Err(ReceiveError::down(over.clone()));
        }
        if self.session.is_none() {
            let live = self.link.live().await.map_err(ReceiveError::down)?;
            let (inbox, messages) = live.inbox().await?;
            if self.name.is_empty() {
                // The client's inboxes end with a text that nobody else has.
                self.name = inbox.rsplit('.').next().unwrap_or_default().to_owned();
            }
            self.session = Some(Session { over: live.watch(), live, inbox, messages });
        }
        for place in 0..self.lanes.len() {
            if self.lanes[place].at.is_none() {
                self.take(place).await?;
            }
        }
        Ok(())
    }

    pub(super) async fn take(&mut self, place: usize) -> Result<(), ReceiveError> {
        let Some(session) = &self.session else { return Ok(()) };
        let lane = &self.lanes[place];
        let claim = self.claim(lane);
        let taken =
            group::take(&session.live, self.link.options(), claim, lane.known.as_ref()).await;
        match taken {
            Ok(taken) => {
                let lane = &mut self.lanes[place];
                if lane.known.as_ref().is_some_and(|known| !known.same_stream(&taken.known)) {
                    // Numbers of the stream before mean nothing in this one.
                    self.handed_out.retain(|handed| handed.lane != place);
                }
                lane.at = Some(At::new(&taken, Instant::now()));
                lane.known = Some(taken.known);
                self.gaps.extend(taken.gap);
                Ok(())
            }
            Err(NotTaken::Trouble(trouble)) => Err(trouble.into()),
            Err(NotTaken::Fenced(why)) => {
                self.over = Some(why.clone());
                Err(ReceiveError::down(why))
            }
        }
    }

    pub(super) fn claim<'a>(&'a self, lane: &'a Lane) -> Claim<'a> {
        let Self { stream, group, name, .. } = self;
        Claim { stream, group, filter: &lane.filter, receiver: name }
    }

    /// Lets go of everything that has come and was not handed out.
    fn forget(&mut self) {
        self.session = None;
        self.ready.clear();
        for lane in &mut self.lanes {
            lane.at = None;
        }
    }

    /// Asks for as much as there is room for.
    async fn pull(&mut self, limit: usize) -> Result<(), Trouble> {
        let Some(session) = &self.session else { return Ok(()) };
        let lanes = self.lanes.len().max(1);
        let room = Room { messages: (limit / lanes).max(1), bytes: MOST_BYTES / lanes };
        for (place, lane) in self.lanes.iter_mut().enumerate() {
            let (Some(at), Some(known)) = (&mut lane.at, &lane.known) else { continue };
            while let Some(pull) = at.pull(room) {
                let reply = format!("{}.{place}-{}", session.inbox, known.turn.number);
                session.live.pull(&self.stream, &at.consumer, reply, &pull).await?;
            }
        }
        Ok(())
    }

    /// Waits until something comes or is to be looked at.
    async fn wait(&mut self, limit: usize) -> Result<(), ReceiveError> {
        self.begin().await?;
        self.pull(limit).await?;
        let quiet_for = self.link.options().quiet_for;
        let due = self.lanes.iter().filter_map(|lane| lane.at.as_ref()?.due(quiet_for)).min();
        let Some(session) = &mut self.session else { return Ok(()) };
        let far = Instant::now() + Duration::from_secs(3600);
        let came = tokio::select! {
            biased;
            message = session.messages.next() => Some(message),
            why = session.over.wait_for(Option::is_some) => {
                let why = why.ok().and_then(|why| why.clone());
                let why = why.unwrap_or_else(|| "the connection was closed".into());
                return Err(ReceiveError::down(why.to_string()));
            }
            () = sleep_until(due.unwrap_or(far)) => None,
        };
        match came {
            Some(Some(message)) => self.came(message)?,
            Some(None) => return Err(ReceiveError::down("the connection was closed")),
            None => return self.look().await,
        }
        self.drain()?;
        self.look_into_jumps().await?;
        Ok(())
    }

    /// Takes what is there without waiting.
    pub(super) fn drain(&mut self) -> Result<(), Trouble> {
        while let Some(session) = &mut self.session {
            // There is no more than was asked for, so nobody else waits for long.
            let next = tokio::task::unconstrained(session.messages.next()).now_or_never();
            let Some(Some(message)) = next else { break };
            self.came(message)?;
        }
        Ok(())
    }

    fn came(&mut self, message: NatsMessage) -> Result<(), Trouble> {
        let now = Instant::now();
        if let Some(status) = message.status {
            let word = delivery::word(status, &message);
            let about = message.subject.rsplit('.').next().and_then(|about| about.split_once('-'));
            let about =
                about.and_then(|(lane, turn)| Some((lane.parse().ok()?, turn.parse().ok()?)));
            let Some((place, turn)): Option<(usize, u64)> = about else { return Ok(()) };
            if let Some(Lane { at: Some(at), known: Some(known), .. }) = self.lanes.get_mut(place)
                && known.turn.number == turn
            {
                at.said(word, now)?;
            }
            return Ok(());
        }
        let Some(delivery) = message.reply.as_deref().and_then(delivery::read) else {
            return Ok(());
        };
        // Those of a consumer before are not meant for us any more.
        for (place, lane) in self.lanes.iter_mut().enumerate() {
            let Some(at) = lane.at.as_mut().filter(|at| at.consumer == delivery.consumer) else {
                continue;
            };
            if at.came(&delivery, message.length, now)? == Seen::New {
                let sequence = delivery.stream_sequence;
                self.ready.push_back(Waiting { lane: place, sequence, message });
            }
            break;
        }
        Ok(())
    }

    /// What has had its effect is not asked for again after an outage.
    fn note<'h>(&mut self, done: impl IntoIterator<Item = &'h Handed>) {
        for handed in done {
            if let Some(known) = &mut self.lanes[handed.lane].known {
                known.had = known.had.max(handed.sequence);
            }
        }
    }

    /// Hands messages out that have come.
    fn hand_out(&mut self, limit: usize) -> Vec<Received> {
        let count = self.ready.len().min(limit);
        let mut received = Vec::with_capacity(count);
        for Waiting { lane, sequence, message } in self.ready.drain(..count) {
            self.number += 1;
            let Lane { at, known, .. } = &mut self.lanes[lane];
            if let Some(at) = at {
                at.ready -= 1;
                at.ready_bytes -= message.length;
            }
            self.handed_out.push_back(Handed {
                number: self.number,
                lane,
                turn: known.as_ref().map_or(0, |known| known.turn.number),
                sequence,
                reply: message.reply.map(|reply| reply.to_string()).unwrap_or_default(),
            });
            let message = headers::read(message.headers.as_ref(), message.payload);
            received.push(Received { number: self.number, message });
        }
        received
    }
}

#[async_trait]
impl Receiver for NatsReceiver {
    async fn receive(&mut self, limit: usize) -> Result<Vec<Received>, ReceiveError> {
        let limit = limit.clamp(1, MOST_MESSAGES);
        loop {
            if let Some(why) = self.gaps.pop_front() {
                return Err(ReceiveError::Gap { why });
            }
            // No message is lost when this is broken off: what has come is still here.
            if !self.ready.is_empty() {
                return Ok(self.hand_out(limit));
            }
            if let Err(error) = self.wait(limit).await {
                self.forget();
                return Err(error);
            }
        }
    }

    async fn acknowledge(&mut self, number: u64) -> Result<(), ReceiveError> {
        let mut last = BTreeMap::new();
        let done = self.handed_out.partition_point(|handed| handed.number <= number);
        for handed in self.handed_out.drain(..done) {
            last.insert(handed.lane, handed);
        }
        if let Some(over) = &self.over {
            return Err(ReceiveError::down(over.clone()));
        }
        let live = self.session.as_ref().map(|session| Arc::clone(&session.live));
        let Some(live) = live.filter(|live| !live.is_over()) else {
            self.note(last.values());
            return Err(ReceiveError::down("there is no connection"));
        };
        self.note(last.values());
        for handed in last.into_values() {
            let known = self.lanes[handed.lane].known.as_ref();
            if known.is_some_and(|known| known.turn.number == handed.turn) {
                live.send(handed.reply, None, "+ACK".into()).await?;
            }
        }
        live.flush().await?;
        Ok(())
    }
}
