//! Taking lanes: where a session begins.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::Offset;
use rdkafka::config::FromClientConfigAndContext;
use rdkafka::consumer::{CommitMode, Consumer as _};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode as Code};
use rdkafka::topic_partition_list::TopicPartitionList;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, watch};
use uuid::Uuid;

use super::claim::{Claim, Seen};
use super::errors::Unknown;
use super::heard::Heard;
use super::keeper::Keeper;
use super::lanes::{Gap, Hold, Holds, Kept, Lane, There, begin, place_of};
use super::options::{KafkaStart, Settings};
use super::session::{Consumer, Session, Trouble, at_once};
use super::settings::not_made;
use super::topics;
use crate::source::{Part, ReceiveError};

/// For how long a topic that is shorter than it should be is looked at again: a new leader may take a
/// moment to know how much of it is stored.
const SECOND_LOOK: Duration = Duration::from_secs(2);

/// Between two looks at what takes the brokers a moment. They give no signal.
const PAUSE: Duration = Duration::from_millis(100);

/// What is received, by whom, and how far it has got.
#[derive(Clone)]
pub(super) struct Reading {
    pub(super) options: Settings,
    pub(super) topics: Arc<[String]>,
    pub(super) group: String,
    pub(super) part: Part,
    pub(super) reader: Uuid,
    pub(super) holds: Holds,
    /// How many sessions of this program are going, and still commit what was acknowledged.
    pub(super) going: watch::Sender<usize>,
}

impl Reading {
    /// Begins. **Blocks**, at the most a few times as long as an answer may take.
    pub(super) fn begin(self) -> Result<Session, Trouble> {
        let config = self.options.consumer(&self.group);
        let config = config.map_err(|error| Trouble::down(error.to_string()))?;
        let heard = Heard::default();
        let consumer = Consumer::from_config_and_context(&config, heard.clone());
        let consumer = consumer.map_err(|error| Trouble::down(not_made(error).to_string()))?;
        let consumer = Arc::new(consumer);
        let mut lanes = Vec::new();
        for (topic, name) in self.topics.iter().enumerate() {
            let partitions = self.partitions_of(&consumer, &heard, name);
            let partitions = partitions
                .map_err(|unknown| Trouble::Told(self.options.unreceived(name, unknown)))?;
            lanes.extend((0..partitions).map(|partition| Lane { topic, partition }));
        }
        let gaps = self.take(&consumer, &heard, &lanes, |lane| self.is_ours(lane))?;
        let gap = (!gaps.is_empty()).then(|| gaps.join("; "));
        let (trouble, troubles) = mpsc::unbounded_channel();
        let (orders, ordered) = std::sync::mpsc::channel();
        Keeper::start(self.clone(), (consumer.clone(), heard), trouble, ordered);
        Ok(Session::new(consumer, self, orders, troubles, gap))
    }

    pub(super) fn is_ours(&self, lane: Lane) -> bool {
        u32::try_from(lane.partition).is_ok_and(|partition| self.part.has(partition))
    }

    /// How many partitions a topic has, which is made if that is wanted. **Blocks.**
    fn partitions_of(
        &self,
        consumer: &Consumer,
        heard: &Heard,
        topic: &str,
    ) -> Result<i32, Unknown> {
        let look = || {
            let deadline = Instant::now() + self.options.answer_within;
            // Nothing is assigned yet: what comes is no message.
            let pump = || while at_once(consumer).is_some() {};
            topics::partitions(consumer.client(), heard, topic, deadline, &pump)
        };
        match (look(), self.options.declared) {
            (Err(Unknown::NotThere), Some(how)) => {
                Handle::current().block_on(topics::declare(&self.options, topic, how))?;
                // The server that is asked may hear of it a moment later.
                let deadline = Instant::now() + self.options.answer_within;
                loop {
                    match look() {
                        Err(Unknown::NotThere) if Instant::now() < deadline => {
                            std::thread::sleep(PAUSE);
                        }
                        found => return found,
                    }
                }
            }
            (found, _) => found,
        }
    }

    /// Takes the lanes that are wanted, of all that there are, and begins to read them. Says what is missing.
    /// **Blocks.**
    pub(super) fn take(
        &self,
        consumer: &Consumer,
        heard: &Heard,
        all: &[Lane],
        is_wanted: impl Fn(Lane) -> bool,
    ) -> Result<Vec<String>, Trouble> {
        let ungrouped = |error| Trouble::Told(self.options.ungrouped(&self.group, &error, heard));
        let kept = self.patiently(|| self.kept(consumer, all.iter().copied()));
        let kept = kept.map_err(ungrouped)?;
        let held = self.holds.lock().clone();
        let is_known = |topic| {
            let is_kept =
                |(lane, kept): (&Lane, &Kept)| lane.topic == topic && kept.offset.is_some();
            kept.iter().any(is_kept) || held.keys().any(|lane| lane.topic == topic)
        };
        let is_known: Vec<bool> = (0..self.topics.len()).map(is_known).collect();
        let mut taken = BTreeMap::new();
        let mut written = BTreeMap::new();
        let mut gaps = Vec::new();
        for (lane, kept) in &kept {
            let (lane, group_is_new) = (*lane, !is_known[lane.topic]);
            let wanted = is_wanted(lane);
            let begins_now = group_is_new && self.options.start == KafkaStart::Latest;
            if !(wanted || begins_now) {
                continue;
            }
            let hold = held.get(&lane).copied();
            let place = place_of(kept, hold).map_err(|_| self.taken_over(lane))?;
            let (next, gap) = self.begin_of(consumer, heard, lane, place, group_is_new)?;
            if !wanted {
                // Whoever opens that part begins where the group began.
                written.insert(lane, (next, Claim::nobodys().to_string()));
                continue;
            }
            gaps.extend(gap.map(|gap| gap.told(&self.topics[lane.topic], lane.partition)));
            let claim = match hold {
                None => Claim::after(&kept.beside, self.reader),
                Some(hold) if hold.claim.see(&kept.beside) == Seen::Stranger => {
                    hold.claim.renewed()
                }
                Some(hold) => hold.claim,
            };
            taken.insert(lane, Hold { claim, next });
            written.insert(lane, (next, claim.to_string()));
        }
        if !written.is_empty() {
            self.patiently(|| self.write(consumer, &written)).map_err(ungrouped)?;
        }
        self.patiently(|| self.verify(consumer, &taken)).map_err(ungrouped)??;
        let mut assigned = TopicPartitionList::new();
        for (lane, hold) in &taken {
            let topic = &self.topics[lane.topic];
            assigned
                .add_partition_offset(topic, lane.partition, Offset::Offset(hold.next))
                .map_err(ungrouped)?;
        }
        self.holds.lock().extend(taken);
        consumer.incremental_assign(&assigned).map_err(ungrouped)?;
        Ok(gaps)
    }

    /// Where a lane begins, as the leader of its partition sees it.
    fn begin_of(
        &self,
        consumer: &Consumer,
        heard: &Heard,
        lane: Lane,
        place: Option<i64>,
        group_is_new: bool,
    ) -> Result<(i64, Option<Gap>), Trouble> {
        let (topic, limit) = (&self.topics[lane.topic], self.options.answer_within);
        let begun = Instant::now();
        loop {
            let look = || consumer.fetch_watermarks(topic, lane.partition, limit);
            let (low, high) = self.patiently(look).map_err(|error| {
                let why = heard.words(&error.to_string());
                Trouble::down(format!("partition {} of `{topic}`: {why}", lane.partition))
            })?;
            let there = There { low, high };
            match begin(place, group_is_new, self.options.start, there) {
                (_, Some(Gap::Shorter { .. })) if begun.elapsed() < SECOND_LOOK => {
                    std::thread::sleep(PAUSE);
                }
                found => return Ok(found),
            }
        }
    }

    /// Tries again what fails only because a leader or a coordinator is being found, for as long as an answer
    /// may take.
    fn patiently<T>(&self, call: impl Fn() -> KafkaResult<T>) -> KafkaResult<T> {
        let begun = Instant::now();
        loop {
            match call() {
                Err(error) if passes(&error) && begun.elapsed() < self.options.answer_within => {
                    std::thread::sleep(PAUSE);
                }
                done => return done,
            }
        }
    }

    /// What the broker keeps for the group. **Blocks.**
    pub(super) fn kept(
        &self,
        consumer: &Consumer,
        lanes: impl Iterator<Item = Lane>,
    ) -> KafkaResult<BTreeMap<Lane, Kept>> {
        let lanes: Vec<Lane> = lanes.collect();
        if lanes.is_empty() {
            return Ok(BTreeMap::new());
        }
        let asked = lanes.iter().map(|lane| (&*self.topics[lane.topic], lane.partition));
        let (asked, mut limit) = (topics::list(asked), self.options.answer_within / 16);
        // librdkafka may sleep through the moment when it learns whom to ask, for all of the time it is given.
        let answer = loop {
            match consumer.committed_offsets(asked.clone(), limit) {
                Err(error)
                    if error.rdkafka_error_code() == Some(Code::OperationTimedOut)
                        && limit < self.options.answer_within / 2 =>
                {
                    limit *= 2;
                }
                answer => break answer?,
            }
        };
        let mut kept = BTreeMap::new();
        for lane in lanes {
            let found = answer.find_partition(&self.topics[lane.topic], lane.partition);
            let found = found.ok_or(KafkaError::NoMessageReceived)?;
            found.error()?;
            let offset = match found.offset() {
                Offset::Offset(offset) => Some(offset),
                _ => None,
            };
            kept.insert(lane, Kept { offset, beside: found.metadata().to_owned() });
        }
        Ok(kept)
    }

    /// Writes offsets, with what stands beside them. **Blocks.**
    pub(super) fn write(
        &self,
        consumer: &Consumer,
        offsets: &BTreeMap<Lane, (i64, String)>,
    ) -> KafkaResult<()> {
        let mut list = TopicPartitionList::new();
        for (lane, (offset, beside)) in offsets {
            let mut entry = list.add_partition(&self.topics[lane.topic], lane.partition);
            entry.set_offset(Offset::Offset(*offset))?;
            entry.set_metadata(beside);
        }
        consumer.commit(&list, CommitMode::Sync)
    }

    /// Whether our claims stand: somebody may have taken the lanes at the same moment.
    fn verify(
        &self,
        consumer: &Consumer,
        taken: &BTreeMap<Lane, Hold>,
    ) -> KafkaResult<Result<(), Trouble>> {
        for (lane, kept) in self.kept(consumer, taken.keys().copied())? {
            let topic = &self.topics[lane.topic];
            match (kept.offset, taken[&lane].claim.see(&kept.beside)) {
                (Some(_), Seen::Mine | Seen::Straggler) => {}
                (Some(_), Seen::Successor) => return Ok(Err(self.taken_over(lane))),
                (None, _) | (_, Seen::Stranger) => {
                    let place = format!("partition {} of `{topic}`", lane.partition);
                    let why = format!("the offset of {place} was not written: try again");
                    return Ok(Err(Trouble::down(why)));
                }
            }
        }
        Ok(Ok(()))
    }

    /// What is said when somebody else has a lane.
    pub(super) fn taken_over(&self, lane: Lane) -> Trouble {
        Trouble::TakenOver(format!(
            "somebody else receives partition {} of `{}` for the group `{}` now: this receiver gets nothing \
             any more, and moves nothing, unless it is still to receive in half a minute",
            lane.partition, self.topics[lane.topic], self.group,
        ))
    }

    /// What is said when a person has set the offsets.
    pub(super) fn moved(&self, lane: Lane) -> Trouble {
        Trouble::Told(ReceiveError::down(format!(
            "somebody has set the offset of partition {} of `{}` for the group `{}`: it goes on from there",
            lane.partition, self.topics[lane.topic], self.group,
        )))
    }
}

/// Whether it passes by itself: a topic was made this moment, or a leader or a coordinator has gone.
fn passes(error: &KafkaError) -> bool {
    let codes = [
        Code::NotLeaderForPartition,
        Code::LeaderNotAvailable,
        Code::UnknownTopicOrPartition,
        Code::ReplicaNotAvailable,
        Code::NotCoordinator,
        Code::CoordinatorNotAvailable,
        Code::CoordinatorLoadInProgress,
        Code::WaitingForCoordinator,
    ];
    error.rdkafka_error_code().is_some_and(|code| codes.contains(&code))
}
