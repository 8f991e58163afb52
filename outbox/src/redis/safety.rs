//! Waiting until more than one server has a message.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use ::redis::Value;
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout_at};

use super::connection::Connection;
use super::failure::Failure;
use super::options::RedisSafety;

/// For how long a connection waits at once: nothing else is answered on it meanwhile.
const AT_ONCE: Duration = Duration::from_secs(1);

/// How far others have seen what was written on a connection. One command asks for all that were written
/// before it, so those that come while it waits share the next one.
#[derive(Default)]
pub(super) struct Confirmed {
    written: AtomicU64,
    seen: Mutex<u64>,
}

impl Confirmed {
    /// Waits until a message is safe that was written on this connection, and answered, before.
    ///
    /// # Errors
    /// [`Failure::Lost`] when that does not happen before the deadline.
    pub(super) async fn wait(
        &self,
        connection: &Connection,
        safety: RedisSafety,
        deadline: Instant,
    ) -> Result<(), Failure> {
        if safety == RedisSafety::Answered {
            return Ok(());
        }
        let mine = self.written.fetch_add(1, Ordering::SeqCst) + 1;
        let late =
            |_| Failure::Lost("others were not seen to have it within the time limit".to_owned());
        let mut seen = timeout_at(deadline, self.seen.lock()).await.map_err(late)?;
        while *seen < mine {
            let written = self.written.load(Ordering::SeqCst);
            let left = deadline.saturating_duration_since(Instant::now()).min(AT_ONCE);
            // 0 would be for ever.
            let left_ms = u64::try_from(left.as_millis()).unwrap_or(1).max(1);
            let mut command;
            match safety {
                RedisSafety::Answered => return Ok(()),
                RedisSafety::Replicas(replicas) => {
                    command = ::redis::cmd("WAIT");
                    command.arg(replicas).arg(left_ms);
                }
                RedisSafety::Disks { replicas } => {
                    command = ::redis::cmd("WAITAOF");
                    command.arg(1).arg(replicas).arg(left_ms);
                }
            }
            let answer = connection.ask(&command, deadline + AT_ONCE).await?;
            match missing(safety, &answer) {
                None => *seen = written,
                Some(missing) if Instant::now() >= deadline => return Err(Failure::Lost(missing)),
                Some(_) => {}
            }
        }
        Ok(())
    }
}

/// What an answer lacks.
fn missing(safety: RedisSafety, answer: &Value) -> Option<String> {
    let count = |value: Option<&Value>| match value {
        Some(Value::Int(count)) => *count,
        _ => 0,
    };
    match (safety, answer) {
        (RedisSafety::Answered, _) => None,
        (RedisSafety::Replicas(wanted), answer) => {
            let replicas = count(Some(answer));
            (replicas < i64::from(wanted)).then(|| {
                format!(
                    "the server has it, and {replicas} of {wanted} replicas have confirmed it in time: are \
                     they connected (INFO replication)?"
                )
            })
        }
        (RedisSafety::Disks { replicas: wanted }, answer) => {
            let counts = if let Value::Array(counts) = answer { &counts[..] } else { &[] };
            let (here, replicas) = (count(counts.first()), count(counts.get(1)));
            (here < 1 || replicas < i64::from(wanted)).then(|| {
                format!(
                    "the server has it, and {here} of 1 disks of its own and {replicas} of {wanted} of its \
                     replicas have confirmed it in time"
                )
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use ::redis::Value;

    use super::{RedisSafety, missing};

    #[test]
    fn what_is_missing_is_told() {
        let two = RedisSafety::Replicas(2);
        assert_eq!(missing(two, &Value::Int(2)), None);
        assert!(missing(two, &Value::Int(1)).is_some_and(|why| why.contains("1 of 2 replicas")));
        let disks = RedisSafety::Disks { replicas: 1 };
        let both = |here, replicas| Value::Array(vec![Value::Int(here), Value::Int(replicas)]);
        assert_eq!(missing(disks, &both(1, 1)), None);
        assert!(missing(disks, &both(0, 1)).is_some());
        assert!(missing(disks, &both(1, 0)).is_some());
        assert!(missing(disks, &Value::Nil).is_some());
    }
}
