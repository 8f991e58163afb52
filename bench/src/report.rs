//! Rows, as JSON lines or as a table.

use comfy_table::{CellAlignment, Table, presets};
use serde::Serialize;

use crate::Failure;
use crate::task::Subject;

/// Medians of one side of one work.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Row {
    pub(crate) workload: &'static str,
    pub(crate) case: String,
    pub(crate) store: &'static str,
    /// What the messages went over.
    pub(crate) broker: Option<String>,
    pub(crate) subject: Subject,
    pub(crate) workers: u64,
    pub(crate) processes: u64,
    /// How many events the log had before.
    pub(crate) history: u64,
    pub(crate) events_per_s: f64,
    pub(crate) p50_ms: Option<f64>,
    pub(crate) p99_ms: Option<f64>,
    pub(crate) peak_rss_mb: f64,
    /// Only where there is something to compare with.
    pub(crate) ratio: Option<f64>,
}

pub(crate) struct Report {
    /// `None` when rows are printed as JSON, as they come.
    table: Option<Table>,
}

impl Report {
    pub(crate) fn new(json: bool) -> Self {
        let mut table = Table::new();
        table.load_style(presets::ASCII_MARKDOWN).set_header([
            "workload",
            "case",
            "store",
            "broker",
            "subject",
            "workers",
            "processes",
            "events/s",
            "p50 ms",
            "p99 ms",
            "peak MB",
            "ratio",
        ]);
        for column in table.column_iter_mut().skip(5) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        Self { table: (!json).then_some(table) }
    }

    pub(crate) fn add(&mut self, row: Row) -> Result<(), Failure> {
        match &mut self.table {
            None => println!("{}", serde_json::to_string(&row.rounded())?),
            Some(table) => {
                table.add_row(row.cells());
            }
        }
        Ok(())
    }

    pub(crate) fn end(self) {
        let Some(table) = self.table else { return };
        println!("{table}");
        println!(
            "ratio: how fast Annals is beside the hand-written program; above 1 it is faster."
        );
        println!("It compares events/s; for latency, the medians of the time.");
    }
}

impl Row {
    fn cells(&self) -> [String; 12] {
        let milliseconds = |time: Option<f64>| time.map(|time| format!("{time:.3}"));
        [
            self.workload.to_owned(),
            self.case.clone(),
            self.store.to_owned(),
            self.broker.clone().unwrap_or_default(),
            self.subject.name().to_owned(),
            self.workers.to_string(),
            self.processes.to_string(),
            format!("{:.0}", self.events_per_s),
            milliseconds(self.p50_ms).unwrap_or_default(),
            milliseconds(self.p99_ms).unwrap_or_default(),
            format!("{:.0}", self.peak_rss_mb),
            self.ratio.map(|ratio| format!("{ratio:.2}")).unwrap_or_default(),
        ]
    }

    /// Without digits that mean nothing.
    fn rounded(self) -> Self {
        let to = |digits: f64| move |number: f64| (number * digits).round() / digits;
        Self {
            events_per_s: to(1.0)(self.events_per_s),
            p50_ms: self.p50_ms.map(to(1_000.0)),
            p99_ms: self.p99_ms.map(to(1_000.0)),
            peak_rss_mb: to(10.0)(self.peak_rss_mb),
            ratio: self.ratio.map(to(100.0)),
            ..self
        }
    }
}
