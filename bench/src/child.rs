//! A measurement in a process of its own, so that its peak of memory is its own too.

use std::process::{Command, Stdio};

use crate::measure::Sample;
use crate::task::{Subject, Task};
use crate::{Failure, limit, workloads};

/// Runs a task in a child of this program.
pub(crate) fn run(task: &Task) -> Result<Sample, Failure> {
    let output = Command::new(std::env::current_exe()?)
        .arg("--child")
        .arg(serde_json::to_string(task)?)
        .stderr(Stdio::inherit())
        .output()?;
    if !output.status.success() {
        let work = task.work.name();
        return Err(format!("`{work}` by {:?} ended with {}", task.subject, output.status).into());
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// Does a task in this process, and prints what it comes to.
pub(crate) fn work(task: &str) -> Result<(), Failure> {
    let task: Task = serde_json::from_str(task)?;
    let sample = match task.subject {
        Subject::Annals => {
            let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
            runtime.block_on(workloads::run(&task))?
        }
        Subject::Limit => limit::run(&task)?,
    };
    println!("{}", serde_json::to_string(&sample)?);
    Ok(())
}
