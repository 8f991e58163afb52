//! What the gauges say.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use metrics::{
    Counter, Gauge, GaugeFn, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit,
};

use super::stage::Stage;

/// Keeps the last value of every gauge.
#[derive(Default, Clone)]
struct Values(Arc<Mutex<BTreeMap<String, f64>>>);

struct Value(Values, String);

impl GaugeFn for Value {
    fn increment(&self, _: f64) {}

    fn decrement(&self, _: f64) {}

    fn set(&self, value: f64) {
        let Self(Values(values), name) = self;
        values.lock().expect("no panic").insert(name.clone(), value);
    }
}

impl Recorder for Values {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, _: &Key, _: &Metadata<'_>) -> Counter {
        Counter::noop()
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::from_arc(Arc::new(Value(self.clone(), key.name().to_owned())))
    }

    fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::noop()
    }
}

impl Values {
    fn of(&self, name: &str) -> Option<f64> {
        self.0.lock().expect("no panic").get(name).copied()
    }
}

#[tokio::test(start_paused = true)]
async fn gauges_say_how_a_consumer_is_doing() {
    let (stage, values) = (Stage::new(), Values::default());
    let _recording = metrics::set_default_local_recorder(&values);
    stage.cut("rows", 2).await;
    stage.append("thing-1").await;
    let engine = stage.engine(vec![stage.rows("rows")], "a");
    let is = async |name: &str, wanted: &dyn Fn(f64) -> bool| {
        stage.until(name, async || values.of(name).is_some_and(wanted)).await;
    };
    is("annals_members", &|n| n == 1.0).await;
    is("annals_consumer_lag_events", &|n| n == 0.0).await;
    is("annals_consumer_unowned_partitions", &|n| n == 0.0).await;
    is("annals_consumer_rebuild_ratio", &|ratio| ratio == 1.0).await;
    assert_eq!(values.of("annals_consumer_oldest_waiting_seconds"), Some(0.0));
    // What is parked waits, though the checkpoint goes on.
    stage.faults.lock().expect("no panic").insert("thing-2".to_owned(), 1_000_000);
    stage.append("thing-2").await;
    is("annals_consumer_parked_keys", &|n| n == 1.0).await;
    is("annals_consumer_oldest_waiting_seconds", &|seconds| seconds > 60.0).await;
    is("annals_consumer_lag_seconds", &|seconds| seconds == 0.0).await;
    stage.faults.lock().expect("no panic").clear();
    is("annals_consumer_oldest_waiting_seconds", &|seconds| seconds == 0.0).await;
    assert_eq!(values.of("annals_consumer_parked_keys"), Some(0.0));
    engine.stop().await;
}
