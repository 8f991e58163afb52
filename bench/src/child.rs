//! Measurements in processes of their own, so that a peak of memory is one's own too.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdout, Command, Stdio};

use crate::measure::Measured;
use crate::place::Target;
use crate::task::{Subject, Task};
use crate::{Failure, limit, workloads};

/// What a child says when it has made its preparations.
const READY: &str = "ready";

/// A child, until it has said what it measured. It does not outlive this.
struct Running {
    child: Child,
    output: BufReader<ChildStdout>,
    /// What it said first: [`READY`], or its result at once when it measures nothing.
    first: String,
}

/// Runs tasks in children of this program, which start to measure at the same time.
pub(crate) fn run(tasks: &[Task]) -> Result<Vec<Measured>, Failure> {
    let mut children = tasks.iter().map(Running::spawn).collect::<Result<Vec<_>, _>>()?;
    for child in &mut children {
        child.output.read_line(&mut child.first)?;
    }
    for child in &mut children {
        child.start()?;
    }
    children.into_iter().zip(tasks).map(|(child, task)| child.result(task)).collect()
}

impl Running {
    fn spawn(task: &Task) -> Result<Self, Failure> {
        let mut child = Command::new(std::env::current_exe()?)
            .arg("--child")
            .arg(serde_json::to_string(task)?)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let output = child.stdout.take().ok_or("a child has no standard output")?;
        Ok(Self { child, output: BufReader::new(output), first: String::new() })
    }

    fn start(&mut self) -> Result<(), Failure> {
        if let Some(mut input) = self.child.stdin.take().filter(|_| self.first.trim() == READY) {
            writeln!(input)?;
        }
        Ok(())
    }

    fn result(mut self, task: &Task) -> Result<Measured, Failure> {
        let mut text = std::mem::take(&mut self.first);
        if text.trim() == READY {
            text.clear();
        }
        self.output.read_to_string(&mut text)?;
        let status = self.child.wait()?;
        if !status.success() {
            let (work, subject) = (task.work.name(), task.subject.name());
            return Err(format!("`{work}` by {subject} ended with {status}").into());
        }
        Ok(serde_json::from_str(&text)?)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // One that has ended cannot be killed, and need not.
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

/// In a child: says that it is ready, and waits until all others are.
pub(crate) fn wait_for_start() -> Result<(), Failure> {
    println!("{READY}");
    match std::io::stdin().lock().read_line(&mut String::new())? {
        0 => Err("the measuring program has ended".into()),
        _ => Ok(()),
    }
}

/// Does a task in this process, and prints what it comes to.
pub(crate) fn work(task: &str) -> Result<(), Failure> {
    let task: Task = serde_json::from_str(task)?;
    let measured = match (task.subject, &task.target) {
        (Subject::Annals, _) => on_runtime(workloads::run(&task)),
        (Subject::Limit, Target::Postgres { .. }) => on_runtime(limit::postgres::run(&task)),
        // One thread, which needs no runtime.
        (Subject::Limit, _) => limit::sqlite::run(&task),
    }?;
    println!("{}", serde_json::to_string(&measured)?);
    Ok(())
}

/// Both sides run on the same kind of runtime.
fn on_runtime(work: impl Future<Output = Result<Measured, Failure>>) -> Result<Measured, Failure> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(work)
}
