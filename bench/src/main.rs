//! Figures: each workload by Annals and by a hand-written program, in turns.

mod broker;
mod child;
mod domain;
mod flows;
mod limit;
mod measure;
mod messages;
mod options;
mod place;
mod plot;
mod report;
mod rounds;
mod schema;
mod store;
mod task;
mod workloads;

use std::process::ExitCode;

use clap::Parser;

use options::Options;
use report::Report;

/// Whatever ends a measurement early, with its reason.
type Failure = Box<dyn std::error::Error + Send + Sync>;

fn main() -> ExitCode {
    let options = Options::parse();
    let result = match &options.child {
        Some(task) => child::work(task),
        None => measure_all(&options),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn measure_all(options: &Options) -> Result<(), Failure> {
    let mut report = Report::new(options.json);
    let mut rows = Vec::new();
    let broker = options.broker.as_ref().map(|choice| choice.open()).transpose()?;
    for comparison in options.comparisons()? {
        for row in rounds::compare(&comparison, options, broker.as_ref())? {
            report.add(row.clone())?;
            rows.push(row);
        }
    }
    report.end();
    if let Some(file) = &options.plot {
        plot::write(file, &rows)?;
    }
    Ok(())
}
