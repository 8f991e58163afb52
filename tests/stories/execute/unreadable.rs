//! What fits its schema can still be something that its type refuses. It is read before it is
//! written, because history is append-only: it would block its stream and every projection.

use std::collections::{BTreeMap, HashMap};
use std::convert::Infallible;

use annals_core::store::Append;
use annals_core::{
    Aggregate, Apply, CloudEvent, Command, Decide, DecisionContext, ErrorKind, Event, ExecuteError,
    ExpectedVersion, ImportError, Journal, NewEvent, Payload, SchemaError, StreamId,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::stage::on_every_store;

#[derive(Event, Debug, Clone, PartialEq)]
#[event(prefix = "odd", crate = annals_core)]
enum OddEvent {
    Named {
        id: Uuid,
    },
    At {
        time: jiff::Timestamp,
    },
    Small {
        n: u32,
        m: i8,
    },
    Free {
        cents: i64,
        #[serde(flatten)]
        rest: BTreeMap<String, i64>,
    },
    Tagged {
        amount: Amount,
    },
    #[event(version = 2, upcast(1 = as_json))]
    Huge {
        n: u128,
    },
    Ratio {
        ratio: Option<f64>,
        #[serde(skip)]
        seen: bool,
    },
    #[event(version = 2, upcast(1 = hasty))]
    Hasty {
        n: u8,
    },
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind")]
enum Amount {
    Big { n: i128 },
}

/// JSON knows no integers beyond 64 bits.
fn as_json(old: Value) -> Value {
    old
}

/// Written by somebody who trusts the past.
fn hasty(old: Value) -> Value {
    serde_json::json!({ "n": old["n"].as_u64().unwrap() })
}

#[derive(Aggregate, Default, Debug, Clone, PartialEq)]
#[aggregate(
    category = "odd", id = u32, event = OddEvent, error = Infallible, crate = annals_core
)]
struct Odd {
    events: Vec<OddEvent>,
}

impl Apply for Odd {
    fn apply(&mut self, event: &OddEvent) {
        self.events.push(event.clone());
    }
}

#[derive(Command)]
#[command(aggregate = Odd, crate = annals_core)]
struct Emit(OddEvent);

impl Decide<Emit> for Odd {
    fn decide(&self, command: &Emit, _: &DecisionContext) -> Result<Vec<OddEvent>, Infallible> {
        Ok(vec![command.0.clone()])
    }
}

fn append(event: NewEvent) -> Append {
    let stream = StreamId::parse("odd-1").expect("a stream name");
    Append::to(stream, ExpectedVersion::Any, vec![event])
}

/// Names the type and the place, and not the value.
fn assert_refused(error: &SchemaError, event_type: &str, place: &str) {
    let text = error.to_string();
    assert_eq!(error.kind(), ErrorKind::Invalid, "{text}");
    assert!(text.contains(event_type) && text.contains(place), "{place}: {text}");
    assert!(!text.contains("secret") && !text.contains("5000000000"), "{text}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_comes_from_outside_is_read_first() {
    let cases: [(&str, u32, &str, &str); 9] = [
        ("odd.named", 1, r#"{"id": "secret"}"#, "`/id`"),
        ("odd.at", 1, r#"{"time": "secret"}"#, "`/time`"),
        ("odd.small", 1, r#"{"n": 5000000000, "m": 1}"#, "`/n`"),
        ("odd.small", 1, r#"{"n": 1.0, "m": 1}"#, "`/n`"),
        ("odd.named", 1, r#"{"id": "67e55044-10b1-426f-9247-bb680e5fe0c8", "id": 1}"#, "`/id`"),
        ("odd.free", 1, r#"{"cents": 1, "a": 2, "a": 3}"#, "`/a`"),
        ("odd.tagged", 1, r#"{"amount": {"kind": "Big", "n": 5}}"#, "`/amount`"),
        ("odd.huge", 1, r#"{"n": 340282366920938463463374607431768211455}"#, "a number"),
        ("odd.hasty", 1, r#"{"m": 1}"#, "panicked"),
    ];
    on_every_store(async |stage| {
        let journal = stage.process(|options| options).journal;
        journal.register::<OddEvent>().await.expect("the types hold together");
        for (event_type, version, payload, place) in cases {
            let payload = Payload::parse(payload).expect("it is JSON");
            let event = NewEvent::raw(event_type, version, payload);

            let refused = journal.append(append(event.clone())).await;
            match refused.expect_err("nobody could read it") {
                annals_core::JournalError::Schema(error) => {
                    assert_refused(&error, event_type, place);
                }
                other => panic!("{other}"),
            }
            let good = NewEvent::raw("odd.small", 1, Payload::from_stored(r#"{"n":1,"m":1}"#));
            match journal.import(vec![append(good), append(event.clone())]).await {
                Err(ImportError::Schema { batch: 1, source }) => {
                    assert_refused(&source, event_type, place);
                }
                other => panic!("nobody could read it, and said is {other:?}"),
            }
            let text = format!(
                r#"{{"specversion":"1.0","id":"{}","source":"/","type":"{event_type}",
                    "dataschema":"urn:annals:schema:{event_type}:{version}","data":{}}}"#,
                event.id,
                event.payload.as_str(),
            );
            let foreign: CloudEvent = serde_json::from_str(&text).expect("a CloudEvent");
            let foreign = foreign.to_new_event().expect("its data is JSON");
            let refused = journal.append(append(foreign)).await;
            assert_eq!(refused.expect_err("nobody could read it").kind(), ErrorKind::Invalid);
        }
        assert!(stage.stored().await.is_empty(), "{}", stage.name);
    })
    .await;
}

async fn emit(journal: &Journal, event: OddEvent) -> Result<Odd, ExecuteError<Infallible>> {
    journal.execute(&1, Emit(event)).await?;
    // What the next command decides on: the state that was kept.
    let state = std::sync::Mutex::new(Odd::default());
    let look = |odd: &Odd| -> Result<Vec<OddEvent>, Infallible> {
        state.lock().expect("no panic").clone_from(odd);
        Ok(Vec::new())
    };
    journal.execute(&1, look).await?;
    Ok(state.into_inner().expect("no panic"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_command_emits_is_read_first() {
    on_every_store(async |stage| {
        let journal = stage.process(|options| options).journal;
        let rest = BTreeMap::from([("cents".to_owned(), 2)]);
        for (event, event_type, place) in [
            (OddEvent::Free { cents: 1, rest }, "odd.free", "`/cents`"),
            (OddEvent::Tagged { amount: Amount::Big { n: 5 } }, "odd.tagged", "`/amount`"),
        ] {
            match emit(&journal, event).await {
                Err(ExecuteError::Schema(error)) => assert_refused(&error, event_type, place),
                other => panic!("nobody could read it, and said is {other:?}"),
            }
        }
        assert!(stage.stored().await.is_empty(), "{}", stage.name);
        // An event that can be read is.
        let odd = emit(&journal, OddEvent::Huge { n: u128::MAX }).await.expect("it can be read");
        assert_eq!(odd.events, [OddEvent::Huge { n: u128::MAX }]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_kept_state_is_what_others_will_load() {
    on_every_store(async |stage| {
        let journal = stage.process(|options| options).journal;
        let not_a_number = OddEvent::Ratio { ratio: Some(f64::NAN), seen: true };
        let stored = OddEvent::Ratio { ratio: None, seen: false };

        let receipt = journal.execute(&1, Emit(not_a_number.clone())).await.expect("it fits");
        assert_eq!(receipt.events, std::slice::from_ref(&stored), "as it will be read");
        let kept = emit(&journal, not_a_number).await.expect("it fits");

        let restarted = stage.process(|options| options).journal;
        let loaded = restarted.load::<Odd>(&1).await.expect("it can be loaded").state;
        assert_eq!(kept, loaded, "{}", stage.name);
        assert_eq!(kept.events, [stored.clone(), stored]);
    })
    .await;
}

/// Equal commands have equal fingerprints though their maps have orders of their own.
#[test]
fn a_map_has_no_order() {
    #[derive(Command, Serialize)]
    #[command(aggregate = Odd, crate = annals_core)]
    struct Many(HashMap<u32, u32>);
    impl Decide<Many> for Odd {
        fn decide(&self, _: &Many, _: &DecisionContext) -> Result<Vec<OddEvent>, Infallible> {
            Ok(Vec::new())
        }
    }
    let many = || Many((0..100).map(|n| (n, n)).collect());
    assert_eq!(many().fingerprint(), many().fingerprint());
}
