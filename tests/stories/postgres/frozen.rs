//! A process that stands still in the middle of a transaction keeps nobody waiting for ever, and what
//! it wanted to write is not written; one whose work takes long is left alone.

use std::io::{BufRead, BufReader, Lines, Write};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use annals::store::{
    Append, AppendHook, CheckpointStore, EventStore, StateStore, StoreError, TransactExt,
    Transaction,
};
use annals::{ExpectedVersion, NewEvent, Payload, Position, RecordedEvent};
use annals_tests::writer::stream;

use super::place::{Place, open};

/// After how long a process counts as frozen here.
const FROZEN_AFTER: Duration = Duration::from_millis(1_500);

/// A process with a checkpoint locked in its transaction.
struct Holder {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Holder {
    fn start(place: &Place, position: u64) -> Self {
        let (url, schema) = (&place.url, &place.schema);
        let frozen_after = FROZEN_AFTER.as_millis();
        let url = format!("{url}?schema={schema}&pool=2&frozen_after_ms={frozen_after}");
        let mut child = Command::new(env!("CARGO_BIN_EXE_postgres_holder"))
            .args([&url, "c", &position.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the child starts");
        let stdout = child.stdout.take().expect("its output is piped");
        let mut holder = Self { child, lines: BufReader::new(stdout).lines() };
        assert_eq!(holder.says(), "locked");
        holder
    }

    fn says(&mut self) -> String {
        self.lines.next().expect("it says something").expect("its output is text")
    }

    fn signal(&self, signal: &str) {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args([signal, &pid]).status().expect("there is a `kill`");
        assert!(sent.success(), "{signal}");
    }

    /// Lets it go on with its transaction, and hears what came of it.
    fn go_on(mut self) -> String {
        let mut input = self.child.stdin.take().expect("its input is piped");
        input.write_all(b"\n").expect("it listens");
        let said = self.says();
        assert!(self.child.wait().expect("it ends").success());
        said
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        // An error means that it has ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_frozen_process_lets_go_and_writes_nothing() {
    let place = Place::shared().await;
    let store = place.store().await;
    let holder = Holder::start(&place, 99);
    holder.signal("-STOP");
    let begun = Instant::now();
    let taken = store.transact_with(|transaction| {
        Box::pin(async move {
            transaction.checkpoint("c").await?;
            transaction.set_checkpoint("c", Position::new(7)).await
        })
    });
    taken.await.expect("the frozen one has let go");
    assert!(begun.elapsed() < 4 * FROZEN_AFTER, "it took {:?}", begun.elapsed());

    holder.signal("-CONT");
    let said = holder.go_on();

    assert!(said.contains("nothing was written") && said.contains("frozen_after"), "{said}");
    let position = store.checkpoint("c").await.expect("checkpoints can be read");
    assert_eq!(position, Some(Position::new(7)), "what it wanted was not written");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_only_waits_is_left_alone() {
    let place = Place::shared().await;
    let store = place.store().await;
    let holder = Holder::start(&place, 99);
    tokio::time::sleep(2 * FROZEN_AFTER).await;
    assert_eq!(holder.go_on(), "moved");
    let position = store.checkpoint("c").await.expect("checkpoints can be read");
    assert_eq!(position, Some(Position::new(99)));
}

/// A hook that takes its time.
struct Slow;

#[async_trait::async_trait]
impl AppendHook for Slow {
    async fn before(&self, transaction: &mut dyn Transaction) -> Result<(), StoreError> {
        transaction.put_state("before", "done").await?;
        tokio::time::sleep(2 * FROZEN_AFTER).await;
        Ok(())
    }

    async fn run(
        &self,
        _events: &[RecordedEvent],
        transaction: &mut dyn Transaction,
    ) -> Result<(), StoreError> {
        tokio::time::sleep(2 * FROZEN_AFTER).await;
        transaction.put_state("run", "done").await
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_hook_is_left_alone() {
    let place = Place::shared().await;
    let store = open(place.options().frozen_after(FROZEN_AFTER)).await;
    let event = NewEvent::raw("sample.slow", 1, Payload::from_stored("{}"));
    let mut append = Append::to(stream("slow", "1"), ExpectedVersion::NoStream, vec![event]);
    append.hooks = vec![Arc::new(Slow)];
    store.append(append).await.expect("it lives");
    for key in ["before", "run"] {
        let state = store.state(key).await.expect("states can be read");
        assert_eq!(state.as_deref(), Some("done"), "{key}");
    }
}

/// While all other connections are taken by handlers that take their time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn signs_of_life_do_not_wait_for_handlers() {
    let place = Place::shared().await;
    let store = open(place.options().pool(2)).await;
    let (taken, mut begun) = tokio::sync::mpsc::channel(2);
    let handlers: Vec<_> = (0..2)
        .map(|_| {
            let (store, taken) = (store.clone(), taken.clone());
            tokio::spawn(async move {
                let handled = store.transact_with(move |_| {
                    let taken = taken.clone();
                    Box::pin(async move {
                        taken.send(()).await.map_err(StoreError::refused)?;
                        tokio::time::sleep(Duration::from_secs(3)).await;
                        Ok(())
                    })
                });
                handled.await
            })
        })
        .collect();
    for _ in 0..2 {
        begun.recv().await.expect("a handler begins");
    }
    let apart = store.transact_apart_with(|transaction| transaction.put_state("alive", "yes"));
    let apart = tokio::time::timeout(Duration::from_secs(2), apart).await;
    apart.expect("it does not wait").expect("the work agrees");
    for handler in handlers {
        handler.await.expect("no panic").expect("the work agrees");
    }
}
