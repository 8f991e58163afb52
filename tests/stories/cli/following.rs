//! `streams tail --follow` shows what is appended, and ends when it is interrupted or nobody reads.

use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdout};
use std::sync::Arc;
use std::time::{Duration, Instant};

use annals::store::{Append, Store};
use annals::{ExpectedVersion, NewEvent, Payload, StreamId};
use serde_json::Value;

use super::command::{annals, command, signal};
use super::site::Site;

/// How long the command may take to end.
const PATIENCE: Duration = Duration::from_secs(20);

struct Follower {
    child: Child,
    lines: std::io::Lines<BufReader<ChildStdout>>,
}

impl Follower {
    fn start(store: &str, arguments: &[&str]) -> Self {
        let mut arguments = arguments.to_vec();
        arguments.extend(["--follow", "--json"]);
        let mut child = command(store, &arguments).spawn().expect("it starts");
        let lines = BufReader::new(child.stdout.take().expect("its output is piped")).lines();
        Self { child, lines }
    }

    /// The stream and the version of the next event.
    fn next(&mut self) -> (String, u64) {
        let line = self.lines.next().expect("it goes on").expect("it is text");
        let event: Value = serde_json::from_str(&line).expect("it is JSON");
        (
            event["stream"].as_str().expect("a stream").to_owned(),
            event["version"].as_u64().expect("a version"),
        )
    }

    /// Its exit code, once it has ended by itself.
    fn ends(self) -> i32 {
        let Self { mut child, lines } = self;
        let code = ended(&mut child);
        drop(lines);
        code
    }

    /// The same, after nobody reads what it writes any more.
    fn ends_unread(self) -> i32 {
        let Self { mut child, lines } = self;
        drop(lines);
        ended(&mut child)
    }
}

fn ended(child: &mut Child) -> i32 {
    let end = Instant::now() + PATIENCE;
    loop {
        if let Some(status) = child.try_wait().expect("it can be waited for") {
            return status.code().expect("no signal killed it");
        }
        if Instant::now() > end {
            let _ = child.kill();
            panic!("it does not end");
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

async fn put(store: &Arc<dyn Store>, stream: &str, event_type: &str) {
    let stream = StreamId::parse(stream).expect("a good name");
    let event = NewEvent::raw(event_type, 1, Payload::from_stored("{}"));
    store
        .append(Append::to(stream, ExpectedVersion::Any, vec![event]))
        .await
        .expect("it is appended");
}

fn seen(stream: &str, version: u64) -> (String, u64) {
    (stream.to_owned(), version)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn new_events_are_seen_until_it_is_interrupted() {
    Site::each(async |site| {
        let site = site.made();
        let store = site.store().await;
        put(&store, "order-1", "order.placed").await;
        let mut all = Follower::start(&site.name(), &["streams", "tail"]);
        assert_eq!(all.next(), seen("order-1", 1), "what is there comes first");
        let mut one =
            Follower::start(&site.name(), &["streams", "tail", "order-2", "--after", "0"]);
        let paid = ["streams", "tail", "--type", "order.paid", "--category", "order"];
        let mut paid = Follower::start(&site.name(), &paid);
        for _ in 0..3 {
            put(&store, "order-1", "order.paid").await;
            put(&store, "order-2", "order.placed").await;
            put(&store, "cart-1", "order.paid").await;
        }
        for version in 1..=3 {
            assert_eq!(all.next(), seen("order-1", version + 1));
            assert_eq!(all.next(), seen("order-2", version));
            assert_eq!(all.next(), seen("cart-1", version));
            assert_eq!(one.next(), seen("order-2", version));
            assert_eq!(paid.next(), seen("order-1", version + 1));
        }
        signal(&all.child, "INT");
        assert_eq!(all.ends(), 0);
        signal(&one.child, "TERM");
        assert_eq!(one.ends(), 0);
        // Nothing comes that it could notice it by.
        assert_eq!(paid.ends_unread(), 0);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_last_events_are_shown_oldest_first() {
    Site::each(async |site| {
        let site = site.made();
        let store = site.store().await;
        for n in 0..30 {
            let event_type = if n % 10 == 0 { "order.placed" } else { "order.changed" };
            put(&store, &format!("order-{}", n % 3), event_type).await;
        }
        let positions = |arguments: &[&str]| {
            let shown = annals(&site.name(), &[&["streams", "tail", "--json"], arguments].concat());
            let events = shown.json_lines();
            events.iter().map(|event| event["position"].as_u64().unwrap()).collect::<Vec<_>>()
        };
        assert_eq!(positions(&["--limit", "3"]), [28, 29, 30]);
        assert_eq!(positions(&["--type", "order.placed"]), [1, 11, 21]);
        assert_eq!(positions(&["--type", "order.placed", "--limit", "2"]), [11, 21]);
        assert_eq!(positions(&["order-1", "--limit", "2"]), [26, 29]);
        assert_eq!(positions(&["order-1", "--type", "order.placed"]), [11]);
        assert_eq!(positions(&["--after", "28"]), [29, 30]);
        assert_eq!(positions(&["--after", "99"]), [0; 0]);
        assert_eq!(positions(&["--category", "cart"]), [0; 0]);
    })
    .await;
}
