//! The small parts of an append and of a read, each by itself.

#[allow(dead_code)]
#[path = "../src/domain.rs"]
mod domain;

use std::hint::black_box;

use annals::store::Append;
use annals::{
    Aggregate, Apply, Event, ExpectedVersion, NewEvent, Payload, SchemaRegistry, Slice, StreamId,
    StreamVersion,
};
use criterion::Criterion;
use domain::{Account, AccountEvent, Movement, account};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The second version of a movement that had another name for its amount.
#[derive(Event)]
#[event(name = "bench.moved", version = 2, upcast(1 = moved_v1))]
struct Moved {
    cents: i64,
    reference: String,
    note: String,
}

#[derive(Serialize, Deserialize, JsonSchema)]
struct MovedV1 {
    amount: i64,
    reference: String,
    note: String,
}

#[derive(Serialize)]
struct MovedV2 {
    cents: i64,
    reference: String,
    note: String,
}

fn moved_v1(old: MovedV1) -> MovedV2 {
    MovedV2 { cents: old.amount, reference: old.reference, note: old.note }
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    schema_check(&mut criterion);
    encode(&mut criterion);
    decode(&mut criterion);
    decide_and_fold(&mut criterion);
    names(&mut criterion);
    criterion.final_summary();
}

fn event() -> AccountEvent {
    AccountEvent::Moved(Movement::number(7))
}

fn schema_check(criterion: &mut Criterion) {
    let registry = SchemaRegistry::default();
    registry.register::<AccountEvent>().expect("one version, no upcasters: it holds together");
    let event = NewEvent::of(&event()).expect("strings and numbers are always JSON");
    criterion.bench_function("schema check", |bencher| {
        bencher.iter(|| registry.check(black_box(&event)));
    });
}

fn encode(criterion: &mut Criterion) {
    let event = event();
    criterion.bench_function("encode", |bencher| bencher.iter(|| black_box(&event).encode()));
    criterion.bench_function("new event (encode, id)", |bencher| {
        bencher.iter(|| NewEvent::of(black_box(&event)));
    });
}

fn decode(criterion: &mut Criterion) {
    let payload = event().encode().expect("strings and numbers are always JSON");
    criterion.bench_function("decode", |bencher| {
        bencher.iter(|| AccountEvent::decode("account.moved", 1, black_box(payload.as_str())));
    });
    let note = "payment 7 for goods delivered in November, with thanks";
    let old = MovedV1 { amount: 700, reference: "2026-INVOICE-7".into(), note: note.into() };
    let old = Payload::encode(&old).expect("strings and numbers are always JSON");
    criterion.bench_function("decode with an upcast", |bencher| {
        bencher.iter(|| Moved::decode("bench.moved", 1, black_box(old.as_str())));
    });
    let new = Moved::decode("bench.moved", 1, old.as_str()).map(|moved| moved.encode());
    let new = new.expect("the upcast fits").expect("strings and numbers are always JSON");
    criterion.bench_function("decode the same without", |bencher| {
        bencher.iter(|| Moved::decode("bench.moved", 2, black_box(new.as_str())));
    });
}

fn decide_and_fold(criterion: &mut Criterion) {
    let movement = Movement::number(7);
    criterion.bench_function("decide and fold", |bencher| {
        let mut state = Account::default();
        bencher.iter(|| {
            let decided = state.decide(movement.clone()).map(AccountEvent::Moved);
            if let Ok(event) = &decided {
                state.apply(event);
            }
        });
    });
}

fn names(criterion: &mut Criterion) {
    let stream = StreamId::new(Account::CATEGORY, account(7)).expect("a UUID is a good id");
    criterion.bench_function("slice of a stream", |bencher| {
        bencher.iter(|| Slice::of(black_box(stream.as_str())));
    });
    criterion.bench_function("parse a stream's name", |bencher| {
        bencher.iter(|| StreamId::parse(black_box(stream.as_str())));
    });
    let events = vec![NewEvent::of(&event()).expect("strings and numbers are always JSON")];
    let expected = ExpectedVersion::Exact(StreamVersion::NONE);
    let append = Append::to(stream, expected, events);
    criterion.bench_function("check an append", |bencher| {
        bencher.iter(|| black_box(&append).check());
    });
}
