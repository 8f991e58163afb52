//! A broker within the process, for tests and for programs that are one.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use tokio::sync::watch;

use crate::address::Address;
use crate::message::Message;
use crate::publisher::{PublishError, Published, Publisher};
use crate::source::{Part, ReceiveError, Received, Receiver, Source};

/// A broker within the process: topics that keep every message in order. Clones are the same broker. What
/// it has is gone with the last of them.
///
/// It can be told to be [down](Self::go_down), to [lose answers](Self::lose_answers), and to take only
/// [small messages](Self::take_at_most).
#[derive(Debug, Clone, Default)]
pub struct MemoryBroker(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    /// How many messages have come.
    came: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct State {
    topics: BTreeMap<String, Vec<Message>>,
    /// How many messages of a topic a group has had; and who receives them for it.
    groups: BTreeMap<(String, String), Group>,
    down: Option<String>,
    most_bytes: Option<usize>,
    lost_answers: usize,
}

#[derive(Debug, Default)]
struct Group {
    had: usize,
    receiver: u64,
}

impl MemoryBroker {
    /// Receives topics, each a lane.
    pub fn source<N: Into<String>>(&self, topics: impl IntoIterator<Item = N>) -> MemorySource {
        let topics: Vec<String> = topics.into_iter().map(Into::into).collect();
        MemorySource { broker: self.clone(), origin: topics.join(", "), topics }
    }

    /// Every message of a topic, in order.
    pub fn messages(&self, topic: &str) -> Vec<Message> {
        self.state().topics.get(topic).cloned().unwrap_or_default()
    }

    /// Counts the messages that have come, of all topics.
    pub fn watch(&self) -> watch::Receiver<u64> {
        self.0.came.subscribe()
    }

    /// Answers nobody until it [comes up](Self::come_up).
    pub fn go_down(&self, why: &str) {
        self.state().down = Some(why.to_owned());
        // Whoever waits is told.
        self.0.came.send_modify(|_| ());
    }

    /// Answers again.
    pub fn come_up(&self) {
        self.state().down = None;
        self.0.came.send_modify(|_| ());
    }

    /// Takes the next messages and loses its answers.
    pub fn lose_answers(&self, answers: usize) {
        self.state().lost_answers = answers;
    }

    /// Refuses messages that are larger.
    pub fn take_at_most(&self, bytes: usize) {
        self.state().most_bytes = Some(bytes);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Publisher for MemoryBroker {
    fn broker(&self) -> &str {
        "memory:"
    }

    async fn prepare(&self, _: &[Address]) -> Result<(), PublishError> {
        match &self.state().down {
            Some(why) => Err(PublishError::down(why.clone())),
            None => Ok(()),
        }
    }

    async fn publish(&self, to: &Address, message: &Message) -> Result<Published, PublishError> {
        let answered = {
            let mut state = self.state();
            if let Some(why) = &state.down {
                return Err(PublishError::down(why.clone()));
            }
            if let Some(most) = state.most_bytes.filter(|most| message.bytes() > *most) {
                let why = format!("it has {} bytes, and {most} are taken", message.bytes());
                return Err(PublishError::Refused { why });
            }
            state.topics.entry(to.to_string()).or_default().push(message.clone());
            let answered = state.lost_answers == 0;
            state.lost_answers = state.lost_answers.saturating_sub(1);
            answered
        };
        self.0.came.send_modify(|came| *came += 1);
        match answered {
            true => Ok(Published::Stored),
            false => Err(PublishError::in_doubt("the answer is lost")),
        }
    }
}

/// Topics of a [`MemoryBroker`].
#[derive(Debug, Clone)]
pub struct MemorySource {
    broker: MemoryBroker,
    origin: String,
    topics: Vec<String>,
}

#[async_trait]
impl Source for MemorySource {
    fn broker(&self) -> &str {
        "memory:"
    }

    fn origin(&self) -> &str {
        &self.origin
    }

    async fn open(&self, group: &str, part: Part) -> Result<Box<dyn Receiver>, ReceiveError> {
        let came = self.broker.watch();
        let mut state = self.broker.state();
        state.check_up()?;
        let lanes = (0..).zip(&self.topics).filter(|(lane, _)| part.has(*lane));
        let mut receiver = MemoryReceiver {
            broker: self.broker.clone(),
            came,
            lanes: Vec::new(),
            handed_out: BTreeMap::new(),
            number: 0,
        };
        for (_, topic) in lanes {
            let known = state.groups.entry((group.to_owned(), topic.clone())).or_default();
            known.receiver += 1;
            receiver.lanes.push(Lane {
                group: group.to_owned(),
                topic: topic.clone(),
                next: known.had,
                me: known.receiver,
            });
        }
        drop(state);
        Ok(Box::new(receiver))
    }
}

struct MemoryReceiver {
    broker: MemoryBroker,
    came: watch::Receiver<u64>,
    lanes: Vec<Lane>,
    /// By its number, which lane a message came from, and how many of the lane are had with it.
    handed_out: BTreeMap<u64, (usize, usize)>,
    number: u64,
}

struct Lane {
    group: String,
    topic: String,
    next: usize,
    /// Which receiver of the group it is: those before it move nothing any more.
    me: u64,
}

impl MemoryReceiver {
    fn waiting(&mut self, limit: usize) -> Result<Vec<Received>, ReceiveError> {
        let state = self.broker.state();
        if let Err(down) = state.check_up() {
            // As after a lost connection: what was not acknowledged comes again.
            for lane in &mut self.lanes {
                lane.next = state.had(&lane.group, &lane.topic);
            }
            self.handed_out.clear();
            return Err(down);
        }
        let mut received = Vec::new();
        for (place, lane) in self.lanes.iter_mut().enumerate() {
            let messages = state.topics.get(&lane.topic).map_or(&[][..], Vec::as_slice);
            for message in messages.iter().skip(lane.next).take(limit - received.len()) {
                self.number += 1;
                lane.next += 1;
                self.handed_out.insert(self.number, (place, lane.next));
                received.push(Received { number: self.number, message: message.clone() });
            }
        }
        Ok(received)
    }
}

#[async_trait]
impl Receiver for MemoryReceiver {
    async fn receive(&mut self, limit: usize) -> Result<Vec<Received>, ReceiveError> {
        loop {
            self.came.borrow_and_update();
            let received = self.waiting(limit)?;
            if !received.is_empty() {
                return Ok(received);
            }
            if self.came.changed().await.is_err() {
                return Err(ReceiveError::down("the broker is gone"));
            }
        }
    }

    async fn acknowledge(&mut self, number: u64) -> Result<(), ReceiveError> {
        let mut state = self.broker.state();
        // Before anything is taken as done, so that the next acknowledgement counts for all of it.
        state.check_up()?;
        let rest = self.handed_out.split_off(&(number + 1));
        let done = std::mem::replace(&mut self.handed_out, rest);
        for (place, had) in done.into_values() {
            let lane = &self.lanes[place];
            let group = state.groups.entry((lane.group.clone(), lane.topic.clone())).or_default();
            if group.receiver == lane.me {
                group.had = group.had.max(had);
            }
        }
        Ok(())
    }
}

impl State {
    fn had(&self, group: &str, topic: &str) -> usize {
        let known = self.groups.get(&(group.to_owned(), topic.to_owned()));
        known.map_or(0, |known| known.had)
    }

    fn check_up(&self) -> Result<(), ReceiveError> {
        match &self.down {
            Some(why) => Err(ReceiveError::down(why.clone())),
            None => Ok(()),
        }
    }
}
