//! How far a receiver has got in one stream.

use ::redis::Value;

use super::entry;
use super::errors::strange;
use super::failure::Failure;
use crate::message::Message;

/// Before every entry.
pub(super) const BEGINNING: &str = "0-0";

/// How far a receiver has got in one stream.
pub(super) struct Lane {
    pub(super) stream: String,
    /// The entry that was handed out last.
    handed_out: String,
    /// Behind which entry those are read again that were delivered; nothing when all of them were handed out.
    again_behind: Option<String>,
    /// An entry that whoever waits for news need not be told of.
    pub(super) known: String,
    /// Up to which entry all is done, as far as it is known: behind it a group begins that was deleted.
    pub(super) done: Option<String>,
    /// Up to which entry the server knows it.
    pub(super) said: Option<String>,
    gap: Option<Gap>,
}

/// Entries that are gone.
struct Gap {
    /// How many the group never had.
    missed: u64,
    /// How many entries of the stream are gone at all, with these.
    gone: u64,
    /// Those that the group has had and not acknowledged.
    lost: Vec<String>,
    told: bool,
}

/// A message, and which entry it was.
pub(super) struct Read {
    pub(super) message: Message,
    pub(super) entry: String,
}

impl Lane {
    pub(super) fn new(stream: String) -> Self {
        Self {
            stream,
            handed_out: BEGINNING.to_owned(),
            again_behind: Some(BEGINNING.to_owned()),
            known: BEGINNING.to_owned(),
            done: None,
            said: None,
            gap: None,
        }
    }

    /// Begins with what was not acknowledged, after the script's answer to a take-over.
    pub(super) fn begin(&mut self, state: Value) {
        let parts = if let Value::Array(parts) = state { parts } else { Vec::new() };
        let mut parts = parts.into_iter();
        let delivered = parts.next().map(text).unwrap_or_default();
        let lost = parts.next().map_or(0, |lost| count(&lost));
        let waiting = match parts.next() {
            Some(Value::BulkString(first)) => before(&entry::text(first)),
            _ => None,
        };
        self.done = Some(waiting.unwrap_or_else(|| delivered.clone()));
        self.said.clone_from(&self.done);
        self.known = delivered;
        self.restart();
        if lost > 0 {
            self.gap = Some(Gap { missed: lost, gone: 0, lost: Vec::new(), told: false });
        }
    }

    /// Hands out anew what was not acknowledged.
    pub(super) fn restart(&mut self) {
        self.handed_out = BEGINNING.to_owned();
        self.again_behind = Some(BEGINNING.to_owned());
    }

    /// What the script is to know of the lane. Whatever it delivers from now on is read again unless the
    /// answer comes.
    pub(super) fn ask(&mut self) -> [String; 3] {
        let behind = self.again_behind.clone();
        self.again_behind.get_or_insert_with(|| self.handed_out.clone());
        let (told, lost) = match &self.gap {
            Some(gap) if gap.told => (gap.gone, gap.lost.join(" ")),
            _ => (0, String::new()),
        };
        let told = if told > 0 { told.to_string() } else { String::new() };
        [behind.unwrap_or_else(|| ">".to_owned()), told, lost]
    }

    /// Takes the script's answer.
    pub(super) fn take(&mut self, answer: Value) -> Result<Vec<Read>, Failure> {
        let Value::Array(parts) = answer else { return Err(strange(&answer)) };
        let parts: Result<[Value; 6], _> = parts.try_into();
        let [behind, entries, missed, gone, lost, delivered] =
            parts.map_err(|parts| strange(&Value::Array(parts)))?;
        let (Value::Array(entries), Value::Array(lost)) = (entries, lost) else {
            return Err(Failure::Lost("the server answers what was not asked".to_owned()));
        };
        let mut read = Vec::with_capacity(entries.len());
        for entry in entries {
            let Value::Array(parts) = entry else { return Err(strange(&entry)) };
            let parts: Result<[Value; 2], _> = parts.try_into();
            let [id, fields] = parts.map_err(|parts| strange(&Value::Array(parts)))?;
            let Value::Array(fields) = fields else { return Err(strange(&fields)) };
            let entry = text(id);
            let message = entry::read(&self.stream, &entry, fields);
            read.push(Read { message, entry });
        }
        self.gap = None;
        let behind = text(behind);
        let is_new = behind == ">";
        self.again_behind = (!is_new).then_some(behind);
        let delivered = text(delivered);
        if !delivered.is_empty() {
            self.known = delivered;
        }
        if let Some(last) = read.last() {
            self.handed_out.clone_from(&last.entry);
            if is_new {
                self.known.clone_from(&last.entry);
            }
        }
        let (missed, lost) = (count(&missed), lost.into_iter().map(text).collect::<Vec<_>>());
        if missed > 0 || !lost.is_empty() {
            self.gap = Some(Gap { missed, gone: count(&gone), lost, told: false });
        }
        Ok(read)
    }

    /// Tells of a gap, once.
    pub(super) fn tell_gap(&mut self, group: &str) -> Option<String> {
        let gap = self.gap.as_mut().filter(|gap| !gap.told)?;
        gap.told = true;
        let mut what = Vec::new();
        if let (Some(first), Some(last)) = (gap.lost.first(), gap.lost.last()) {
            let count = gap.lost.len();
            what.push(format!(
                "{count} that it had received and not acknowledged ({first} to {last})"
            ));
        }
        if gap.missed > 0 {
            what.push(format!("{} that it never had", gap.missed));
        }
        Some(format!(
            "messages of the stream `{}` were trimmed away or deleted before the group `{group}` was done with \
             them: {}. Whoever has them is their owner's log; keep more (`keep_at_least`, MAXLEN), or be \
             faster. Receiving again goes on behind the gap",
            self.stream,
            what.join(", and "),
        ))
    }
}

fn text(value: Value) -> String {
    entry::text(entry::bytes(value))
}

/// The id before an entry's.
fn before(entry: &str) -> Option<String> {
    let (time, number) = entry.split_once('-')?;
    let (time, number): (u64, u64) = (time.parse().ok()?, number.parse().ok()?);
    Some(match (time, number) {
        (0, 0) => return None,
        (time, 0) => format!("{}-{}", time - 1, u64::MAX),
        (time, number) => format!("{time}-{}", number - 1),
    })
}

fn count(value: &Value) -> u64 {
    match value {
        Value::Int(count) => u64::try_from(*count).unwrap_or(0),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use ::redis::Value;

    use super::{Lane, before};

    fn bulk(text: &str) -> Value {
        Value::BulkString(text.as_bytes().to_vec())
    }

    fn entries(ids: &[&str]) -> Value {
        let entry =
            |id: &&str| Value::Array(vec![bulk(id), Value::Array(vec![bulk("body"), bulk("b")])]);
        Value::Array(ids.iter().map(entry).collect())
    }

    fn answer(behind: &str, ids: &[&str], missed: i64, gone: i64, lost: &[&str]) -> Value {
        let lost = lost.iter().map(|id| bulk(id)).collect();
        let (missed, gone) = (Value::Int(missed), Value::Int(gone));
        Value::Array(vec![bulk(behind), entries(ids), missed, gone, Value::Array(lost), bulk("")])
    }

    #[test]
    fn what_an_answer_had_that_never_came_is_read_again() {
        let mut lane = Lane::new("orders".into());
        assert_eq!(lane.ask()[0], "0-0");
        assert_eq!(lane.take(answer("2-0", &["1-0", "2-0"], 0, 0, &[])).unwrap().len(), 2);
        assert_eq!(lane.ask()[0], "2-0", "there may be more that was delivered");
        assert_eq!(lane.take(answer(">", &["3-0"], 0, 0, &[])).unwrap().len(), 1);
        assert_eq!(lane.ask()[0], ">");
        assert_eq!(lane.ask()[0], "3-0", "the answer to the call before was lost");
        lane.take(answer(">", &[], 0, 0, &[])).unwrap();
        assert_eq!(lane.ask()[0], ">");
        lane.restart();
        assert_eq!(lane.ask()[0], "0-0");
    }

    #[test]
    fn a_gap_is_told_once_and_then_the_server_may_forget_it() {
        let mut lane = Lane::new("orders".into());
        lane.ask();
        lane.take(answer(">", &[], 3, 7, &["3-1", "4-1"])).unwrap();
        let told = lane.tell_gap("billing").unwrap();
        assert!(
            told.contains("2 that it had received and not acknowledged (3-1 to 4-1)"),
            "{told}"
        );
        assert!(told.contains("3 that it never had"), "{told}");
        assert_eq!(lane.tell_gap("billing"), None);
        assert_eq!(lane.ask(), [">", "7", "3-1 4-1"]);
        // Again, if nobody knows whether that has arrived.
        assert_eq!(lane.ask(), ["0-0", "7", "3-1 4-1"]);
        lane.take(answer(">", &["8-1"], 0, 7, &[])).unwrap();
        assert_eq!(lane.ask(), [">", "", ""]);
    }

    #[test]
    fn a_group_that_is_made_anew_begins_behind_what_is_done() {
        let mut lane = Lane::new("orders".into());
        lane.begin(Value::Array(vec![bulk("9-0"), Value::Int(0), bulk("7-2")]));
        assert_eq!(lane.done.as_deref(), Some("7-1"));
        lane.begin(Value::Array(vec![bulk("9-0"), Value::Int(0), Value::Nil]));
        assert_eq!(lane.done.as_deref(), Some("9-0"));
        assert_eq!(before("7-0").as_deref(), Some("6-18446744073709551615"));
        assert_eq!(before("0-0"), None);
    }

    #[test]
    fn an_answer_that_is_none_is_told() {
        let mut lane = Lane::new("orders".into());
        assert!(lane.take(Value::Int(7)).is_err());
        assert!(lane.take(Value::Array(vec![Value::Nil; 6])).is_err());
        assert!(lane.take(Value::Array(vec![bulk(">")])).is_err());
    }
}
