//! The channel to one exchange: many messages are under way on it, and each learns its own fate.
//!
//! One task has the channel. It alone gives messages to the client, because the client numbers them before it
//! queues them, and from two threads at once these orders may differ.

use std::collections::{HashMap, VecDeque};
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use lapin::options::BasicPublishOptions;
use lapin::types::ShortString;
use lapin::{BasicProperties, Channel, Confirmation, Error, ErrorKind};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, Sleep, sleep_until};

use super::confirms::{Confirms, Fate, Returned, Sent, Word};
use super::errors::Failure;
use super::in_flight::InFlight;
use super::link::Link;
use super::verdict;

/// How many messages wait for their turn.
const QUEUE: usize = 256;

/// How much may be under way, unless one message alone is larger.
const IN_FLIGHT_BYTES: usize = 64 * 1024 * 1024;

/// A message on its way.
pub(super) struct Job {
    pub(super) routing_key: ShortString,
    pub(super) sent: Sent,
    pub(super) properties: BasicProperties,
    pub(super) body: Bytes,
    pub(super) deadline: Instant,
    pub(super) answer: oneshot::Sender<Answer>,
}

/// What became of it.
pub(super) enum Answer {
    Stored,
    Failed(Failure),
    /// The channel had ended before, and the message has not left.
    NotSent,
}

/// The channel to one exchange.
pub(super) struct Outbound {
    link: Arc<Link>,
    channel: Arc<Channel>,
    exchange: ShortString,
    most: usize,
    jobs: mpsc::Receiver<Job>,
    in_flight: InFlight<lapin::Result<Confirmation>>,
    confirms: Confirms,
    waiting: HashMap<u64, Waiting>,
    /// By when each has to be confirmed, in the order in which they were sent.
    deadlines: VecDeque<(Instant, u64)>,
    alarm: Pin<Box<Sleep>>,
    bytes: usize,
    number: u64,
    /// The channel takes nothing any more; what is under way may still be told why.
    ending: bool,
}

/// A message that is under way.
pub(super) struct Waiting {
    pub(super) routing_key: String,
    pub(super) bytes: usize,
    /// `None` when it has been answered.
    answer: Option<oneshot::Sender<Answer>>,
}

/// Why a channel ends.
enum End {
    /// Nobody needs it any more, or it ended before anything was sent.
    Idle,
    Broken(Error),
    /// A confirm did not come in time.
    Late,
}

impl Outbound {
    /// Begins to send.
    pub(super) fn start(
        link: Arc<Link>,
        channel: Channel,
        exchange: ShortString,
        most: usize,
    ) -> mpsc::Sender<Job> {
        let (sender, jobs) = mpsc::channel(QUEUE);
        let outbound = Self {
            link,
            channel: Arc::new(channel),
            exchange,
            most,
            jobs,
            in_flight: InFlight::new(),
            confirms: Confirms::default(),
            waiting: HashMap::new(),
            deadlines: VecDeque::new(),
            alarm: Box::pin(sleep_until(Instant::now())),
            bytes: 0,
            number: 0,
            ending: false,
        };
        tokio::spawn(outbound.run());
        sender
    }

    async fn run(mut self) {
        let end = poll_fn(|context| self.poll(context)).await;
        self.jobs.close();
        let broker = self.link.broker().to_owned();
        let fate = |waiting: &Waiting| match &end {
            End::Broken(error) => verdict::broken(&broker, error, waiting),
            End::Idle | End::Late => verdict::late(&broker),
        };
        for waiting in self.waiting.into_values() {
            let failed = Answer::Failed(fate(&waiting));
            // Nobody may be waiting any more.
            let _ = waiting.answer.map(|answer| answer.send(failed));
        }
        match &end {
            End::Idle => {}
            End::Late => self.link.hang_up(),
            End::Broken(error) => match verdict::limit(error) {
                Some(most) => self.link.takes_at_most(most),
                None if super::errors::soft(error).is_none() => self.link.hang_up(),
                None => {}
            },
        }
        while let Ok(job) = self.jobs.try_recv() {
            let _ = job.answer.send(Answer::NotSent);
        }
    }

    /// Ready when the channel ends.
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<End> {
        loop {
            let said = self.in_flight.poll(context);
            if let Some(end) = self.hear(said) {
                return Poll::Ready(end);
            }
            if let Some(end) = self.look_at_the_clock() {
                return Poll::Ready(end);
            }
            match self.take(context) {
                // What was taken has to begin.
                Poll::Ready(Some(job)) => self.send(job),
                Poll::Ready(None) if self.waiting.is_empty() => return Poll::Ready(End::Idle),
                Poll::Ready(None) | Poll::Pending => {
                    ready!(self.wait_for_the_clock(context));
                }
            }
        }
    }

    /// The next message, if there is room.
    fn take(&mut self, context: &mut Context<'_>) -> Poll<Option<Job>> {
        if self.ending {
            return Poll::Ready(None);
        }
        let full = self.waiting.len() >= self.most || self.bytes >= IN_FLIGHT_BYTES;
        if full { Poll::Pending } else { self.jobs.poll_recv(context) }
    }

    fn send(&mut self, job: Job) {
        if job.answer.is_closed() || job.deadline <= Instant::now() {
            // Nobody waits for it any more.
            let _ = job.answer.send(Answer::NotSent);
            return;
        }
        self.number += 1;
        let waiting = Waiting {
            routing_key: job.sent.routing_key.clone(),
            bytes: job.body.len(),
            answer: Some(job.answer),
        };
        self.bytes += waiting.bytes;
        self.waiting.insert(self.number, waiting);
        self.deadlines.push_back((job.deadline, self.number));
        self.confirms.expect(self.number, job.sent);
        let (channel, exchange) = (self.channel.clone(), self.exchange.clone());
        self.in_flight.add(self.number, async move {
            let mandatory = BasicPublishOptions { mandatory: true, ..Default::default() };
            channel
                .basic_publish(exchange, job.routing_key, mandatory, &job.body, job.properties)
                .await?
                .await
        });
    }

    /// Takes in what the broker said. `Some`: the channel has ended.
    fn hear(&mut self, said: Vec<(u64, lapin::Result<Confirmation>)>) -> Option<End> {
        let mut words = Vec::new();
        let mut broken = None;
        for (number, said) in said {
            match said {
                Ok(confirmation) => words.push((number, word(confirmation))),
                // It was closed before the message was given to it.
                Err(error)
                    if matches!(
                        error.kind(),
                        ErrorKind::InvalidChannelState(_, "basic.publish")
                    ) =>
                {
                    self.confirms.forget(number);
                    self.answer(number, Answer::NotSent);
                    self.ending = true;
                }
                Err(error) => broken = broken.or(Some(error)),
            }
        }
        for (number, fate) in self.confirms.hear(words) {
            let broker = self.link.broker();
            let answer = match fate {
                Fate::Stored => Answer::Stored,
                Fate::NotTaken => Answer::Failed(verdict::not_taken(broker)),
                Fate::Returned(why) => {
                    let key = self.waiting.get(&number).map_or("", |waiting| &waiting.routing_key);
                    let exchange = self.exchange.as_str();
                    Answer::Failed(verdict::returned(broker, exchange, key, &why))
                }
            };
            self.answer(number, answer);
        }
        broken.map(End::Broken)
    }

    fn answer(&mut self, number: u64, answer: Answer) {
        let Some(waiting) = self.waiting.remove(&number) else { return };
        self.bytes -= waiting.bytes;
        // Nobody may be waiting any more.
        let _ = waiting.answer.map(|sender| sender.send(answer));
    }

    /// `Some` when a confirm is late.
    fn look_at_the_clock(&mut self) -> Option<End> {
        while let Some((deadline, number)) = self.deadlines.front().copied() {
            let unanswered = self
                .waiting
                .get_mut(&number)
                .and_then(|waiting| waiting.answer.take_if(|_| deadline <= Instant::now()));
            if let Some(answer) = unanswered {
                // A broker that takes nothing for lack of room does not do so on a new connection either.
                let _ = answer.send(Answer::Failed(verdict::late(self.link.broker())));
                if !self.link.is_blocked() {
                    return Some(End::Late);
                }
            } else if self.waiting.get(&number).is_some_and(|waiting| waiting.answer.is_some()) {
                break;
            }
            self.deadlines.pop_front();
        }
        None
    }

    /// Ready when the next confirm is late.
    fn wait_for_the_clock(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let Some((deadline, _)) = self.deadlines.front() else { return Poll::Pending };
        if self.alarm.deadline() != *deadline {
            self.alarm.as_mut().reset(*deadline);
        }
        self.alarm.as_mut().poll(context)
    }
}

fn word(confirmation: Confirmation) -> Word {
    let taken = confirmation.is_ack();
    let returned = confirmation.take_message().map(|message| {
        let id = message.delivery.properties.message_id().as_ref();
        Returned {
            sent: Sent {
                id: id.map(|id| id.as_str().to_owned()).unwrap_or_default(),
                routing_key: message.delivery.routing_key.as_str().to_owned(),
            },
            why: message.reply_text.as_str().to_owned(),
        }
    });
    Word { taken, returned }
}
