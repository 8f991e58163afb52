//! A recorder that keeps what was recorded, under the metric's name and labels.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock};

use metrics::{
    Counter, CounterFn, Gauge, Histogram, HistogramFn, Key, KeyName, Metadata, Recorder,
    SharedString, Unit,
};

/// Of each metric, its values; of a counter, its steps.
#[derive(Default, Clone)]
pub(super) struct Figures(Arc<Mutex<BTreeMap<String, Vec<f64>>>>);

struct Figure(Figures, String);

impl Figure {
    fn note(&self, value: f64) {
        let Self(Figures(figures), name) = self;
        figures.lock().expect("no panic").entry(name.clone()).or_default().push(value);
    }
}

impl CounterFn for Figure {
    fn increment(&self, value: u64) {
        self.note(value as f64);
    }

    fn absolute(&self, value: u64) {
        self.note(value as f64);
    }
}

impl HistogramFn for Figure {
    fn record(&self, value: f64) {
        self.note(value);
    }
}

impl Figures {
    /// The one of this process, for stores have threads of their own.
    pub(super) fn of_process() -> &'static Self {
        static FIGURES: OnceLock<Figures> = OnceLock::new();
        FIGURES.get_or_init(|| {
            let figures = Self::default();
            metrics::set_global_recorder(figures.clone()).expect("nobody else has set one");
            figures
        })
    }

    /// What was recorded of a metric, with whatever further labels, that has these.
    pub(super) fn of(&self, name: &str, labels: &[(&str, &str)]) -> Vec<f64> {
        let labels: Vec<_> = labels.iter().map(|(key, value)| format!("{key}={value};")).collect();
        let figures = self.0.lock().expect("no panic");
        let fit = figures.iter().filter(|(known, _)| {
            let (known, rest) = known.split_once('{').unwrap_or((known, ""));
            known == name && labels.iter().all(|label| rest.contains(label.as_str()))
        });
        fit.flat_map(|(_, values)| values.clone()).collect()
    }

    fn figure(&self, key: &Key) -> Arc<Figure> {
        let labels = key.labels().map(|label| format!("{}={};", label.key(), label.value()));
        Arc::new(Figure(self.clone(), format!("{}{{{}", key.name(), labels.collect::<String>())))
    }
}

impl Recorder for Figures {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        Counter::from_arc(self.figure(key))
    }

    fn register_gauge(&self, _: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::noop()
    }

    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::from_arc(self.figure(key))
    }
}
