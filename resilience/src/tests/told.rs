//! What operators see: metrics, and a line for every change of a breaker's state.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use metrics::{
    Counter, CounterFn, Gauge, GaugeFn, Histogram, Key, KeyName, Metadata, Recorder, SharedString,
    Unit,
};
use tracing::span;

use crate::{BreakerOptions, CircuitBreaker, Policy, Step};

/// Keeps the last value of everything, by name and labels.
#[derive(Default, Clone)]
struct Values(Arc<Mutex<BTreeMap<String, f64>>>);

struct Value(Values, String);

impl Value {
    fn update(&self, update: impl FnOnce(&mut f64)) {
        let Self(Values(values), name) = self;
        update(values.lock().expect("no panic").entry(name.clone()).or_default());
    }
}

impl GaugeFn for Value {
    fn increment(&self, by: f64) {
        self.update(|value| *value += by);
    }

    fn decrement(&self, by: f64) {
        self.update(|value| *value -= by);
    }

    fn set(&self, to: f64) {
        self.update(|value| *value = to);
    }
}

impl CounterFn for Value {
    fn increment(&self, by: u64) {
        self.update(|value| *value += by as f64);
    }

    fn absolute(&self, to: u64) {
        self.update(|value| *value = to as f64);
    }
}

impl Values {
    fn value(&self, key: &Key) -> Arc<Value> {
        let labels: Vec<_> = key.labels().map(|label| label.value()).collect();
        Arc::new(Value(self.clone(), format!("{} {}", key.name(), labels.join(" "))))
    }
}

impl Recorder for Values {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        Counter::from_arc(self.value(key))
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::from_arc(self.value(key))
    }

    fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::noop()
    }
}

#[tokio::test(start_paused = true)]
async fn figures_say_what_was_refused_repeated_and_given_up() {
    let values = Values::default();
    let _recording = metrics::set_default_local_recorder(&values);
    let policy = Policy::remote_call("stock").without(Step::Deadline).idempotent();
    let fails = async || drop(policy.run(|| async { Err::<(), _>("down") }).await);
    fails().await;
    fails().await;
    let is = |name: &str| values.0.lock().expect("no panic").get(name).copied();
    assert_eq!(is("annals_breaker_state stock"), Some(2.0));
    assert_eq!(is("annals_breaker_changes_total stock open"), Some(1.0));
    assert_eq!(is("annals_resilience_retries_total stock"), Some(4.0));
    assert_eq!(is("annals_resilience_given_up_total stock attempts"), Some(1.0));
    // The sixth attempt met the breaker that the fifth had opened.
    assert_eq!(is("annals_resilience_refusals_total stock breaker"), Some(1.0));
    policy.circuit_breaker().unwrap().force_closed("we know better");
    assert_eq!(is("annals_breaker_state stock"), Some(-1.0));
}

/// Counts the lines of this crate.
#[derive(Default, Clone)]
struct Lines(Arc<AtomicU32>);

impl tracing::Subscriber for Lines {
    fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
        metadata.target().starts_with("annals_resilience")
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, _: &tracing::Event<'_>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

#[tokio::test]
async fn every_change_of_state_is_one_line_and_told_to_those_who_watch() {
    let lines = Lines::default();
    let _listening = tracing::subscriber::set_default(lines.clone());
    let options = BreakerOptions { probes: 1, ..BreakerOptions::default() };
    let breaker = CircuitBreaker::new("nats", options);
    let mut watched = breaker.watch();
    breaker.down("connection reset");
    breaker.down("connection reset");
    breaker.down("wrong password");
    assert_eq!(&*watched.borrow_and_update().reason, "wrong password");
    assert!(breaker.admit().is_err() && breaker.admit().is_err());
    breaker.up();
    breaker.up();
    breaker.admit().unwrap().succeeded();
    breaker.admit().unwrap().succeeded();
    assert_eq!(lines.0.load(Ordering::Relaxed), 3, "open, half-open, closed");
    assert!(watched.has_changed().unwrap());
    assert_eq!(*watched.borrow_and_update(), breaker.state());
    assert_eq!(&*breaker.state().reason, "1 of 1 probes succeeded");
}
