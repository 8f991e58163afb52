//! Messages on their way from the broker under test.

use std::time::{Duration, Instant};

use annals_outbox::{Message, ReceiveError, Received, Receiver};

use super::samples::{show, show_all};
use super::scene::{PAUSE, Scene, within};

/// A receiver whose every answer is held against what holds always.
pub struct Reader {
    receiver: Box<dyn Receiver>,
    patience: Duration,
    acknowledged_within: Duration,
    last: u64,
}

impl Reader {
    pub(super) fn new(receiver: Box<dyn Receiver>, scene: &Scene) -> Self {
        let acknowledged_within = scene.abilities().acknowledged_within;
        Self { receiver, patience: scene.patience, acknowledged_within, last: 0 }
    }

    /// The number of the message that was handed out last.
    pub fn last(&self) -> u64 {
        self.last
    }

    /// The receiver itself, for calls that are dropped. Answers go through [`check`](Self::check).
    pub fn receiver(&mut self) -> &mut dyn Receiver {
        &mut *self.receiver
    }

    /// Numbers without a hole, at least one message, and no more than were asked for.
    pub fn check(&mut self, limit: usize, received: Vec<Received>) -> Vec<Message> {
        assert!(!received.is_empty(), "`receive` waits until there is a message");
        let came = received.len();
        assert!(
            came <= limit,
            "`receive` handed out {came} messages, asked for {limit} at the most"
        );
        let take = |received: Received| {
            let Received { number, message } = received;
            assert_eq!(number, self.last + 1, "the number of {}", show(&message));
            self.last = number;
            message
        };
        received.into_iter().map(take).collect()
    }

    /// The next messages, which have to come.
    pub async fn some(&mut self, limit: usize) -> Vec<Message> {
        let received = within(self.patience, "a message comes", self.receiver.receive(limit)).await;
        let received = received.unwrap_or_else(|error| panic!("no message comes: {error:?}"));
        self.check(limit, received)
    }

    /// So many messages, which have to come.
    pub async fn take(&mut self, count: usize) -> Vec<Message> {
        let mut messages: Vec<Message> = Vec::new();
        while messages.len() < count {
            let limit = (count - messages.len()).min(100);
            let received = tokio::time::timeout(self.patience, self.receiver.receive(limit)).await;
            let received = received.unwrap_or_else(|_| {
                panic!(
                    "{} of {count} messages came within {:?}, the last {}: the rest is lost",
                    messages.len(),
                    self.patience,
                    messages.last().map_or("none".to_owned(), show),
                )
            });
            let received = received.unwrap_or_else(|error| panic!("no message comes: {error:?}"));
            messages.extend(self.check(limit, received));
        }
        messages
    }

    /// Messages until one fulfils a condition, over an outage: the broker may be down in between, and
    /// nothing else may be wrong. Each time of being down begins a new list, because what was not
    /// acknowledged comes again after it.
    pub async fn take_until(
        &mut self,
        mut last: impl FnMut(&Message) -> bool,
    ) -> Vec<Vec<Message>> {
        let mut runs = vec![Vec::new()];
        let began = Instant::now();
        loop {
            assert!(
                began.elapsed() < self.patience * 3,
                "what ends the case does not come: it is lost; came {}",
                runs.iter().map(|run| show_all(run)).collect::<Vec<_>>().join("; then "),
            );
            let came = tokio::time::timeout(self.patience, self.receiver.receive(100)).await;
            match came {
                Ok(Ok(received)) => {
                    let messages = self.check(100, received);
                    let ends = messages.iter().filter(|message| last(message)).count() > 0;
                    runs.last_mut().expect("there is always a run").extend(messages);
                    if ends {
                        return runs;
                    }
                }
                Ok(Err(ReceiveError::Down { .. })) => {
                    runs.push(Vec::new());
                    tokio::time::sleep(PAUSE).await;
                }
                Ok(Err(error)) => panic!("an outage is told as one: {error:?}"),
                // Judged above.
                Err(_) => {}
            }
        }
    }

    /// Waits for the broker to be noticed as down.
    pub async fn down(&mut self) {
        let promise = "who waits for messages of a broker that is stopped is told";
        match within(self.patience * 2, promise, self.receiver.receive(100)).await {
            Err(ReceiveError::Down { .. }) => {}
            Err(error) => panic!("an outage is told as one: {error:?}"),
            Ok(received) => panic!("a stopped broker sends no messages: {received:?}"),
        }
    }

    /// Acknowledges up to a number, which has to work.
    pub async fn acknowledge(&mut self, number: u64) {
        let acknowledged = self.try_acknowledge(number).await;
        acknowledged
            .unwrap_or_else(|error| panic!("number {number} is not acknowledged: {error:?}"));
    }

    /// Acknowledges up to a number, within the limit. What comes back is the case's.
    pub async fn try_acknowledge(&mut self, number: u64) -> Result<(), ReceiveError> {
        let promise = format!("acknowledging number {number} ends by itself");
        within(self.patience, &promise, self.receiver.acknowledge(number)).await
    }

    /// Goes on receiving for as long as an acknowledgement may take, in which nothing comes.
    pub async fn nothing(&mut self, why: &str) {
        match tokio::time::timeout(self.acknowledged_within, self.receiver.receive(100)).await {
            Err(_) => {}
            Ok(Ok(received)) => {
                let messages: Vec<Message> = received.into_iter().map(|one| one.message).collect();
                panic!("{why}, but there came {}", show_all(&messages));
            }
            Ok(Err(error)) => panic!("nothing is wrong with the broker: {error:?}"),
        }
    }

    /// Messages for as long as they come: until there was none for as long as an acknowledgement may take.
    pub async fn rest(&mut self) -> Vec<Message> {
        let mut messages = Vec::new();
        loop {
            let came = tokio::time::timeout(self.acknowledged_within, self.receiver.receive(100));
            match came.await {
                Err(_) => return messages,
                Ok(Ok(received)) => messages.extend(self.check(100, received)),
                Ok(Err(error)) => panic!("nothing is wrong with the broker: {error:?}"),
            }
        }
    }

    /// Acknowledges all that has come, and waits until the broker has to know.
    pub async fn finish(&mut self) {
        self.acknowledge(self.last).await;
        self.nothing("everything has come").await;
    }
}
