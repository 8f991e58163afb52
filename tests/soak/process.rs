//! A process that is there to be killed or frozen, and what it says until then.

use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::thread::JoinHandle;

use annals_tests::ledger::Ledger;

use crate::Outcome;

/// A child of this program.
pub(crate) struct Process {
    child: Child,
    said: Option<JoinHandle<Ledger>>,
}

impl Process {
    /// Starts this program as a writer or a follower.
    pub(crate) fn start(role: &str, url: &str, seed: u64) -> Outcome<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .args([role, url, &seed.to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            // It complains when the server is away, as it should.
            .stderr(Stdio::null())
            .spawn()?;
        let said = child.stdout.take().map(|said| std::thread::spawn(move || listen(said)));
        Ok(Self { child, said })
    }

    /// Whether it has ended by itself.
    pub(crate) fn has_ended(&mut self) -> Outcome<bool> {
        Ok(self.child.try_wait()?.is_some())
    }

    /// `kill -9`, and what it had been told until then.
    pub(crate) fn kill(mut self) -> Outcome<Ledger> {
        self.child.kill()?;
        self.child.wait()?;
        let said = self.said.take().map(JoinHandle::join);
        said.unwrap_or_else(|| Ok(Ledger::default())).map_err(|_| "a line was no ledger's".into())
    }

    /// Stops it where it is, or lets it go on.
    pub(crate) fn signal(&self, signal: &str) -> Outcome {
        let pid = self.child.id().to_string();
        // Its own answer does not matter: who has just ended cannot be frozen.
        Command::new("kill").args([signal, &pid]).stderr(Stdio::null()).status()?;
        Ok(())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // An error means that it has ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Reads lines until the end; a last line that is cut off says nothing.
fn listen(said: ChildStdout) -> Ledger {
    let mut said = BufReader::new(said);
    let mut ledger = Ledger::default();
    let mut line = String::new();
    while said.read_line(&mut line).is_ok_and(|bytes| bytes > 0) && line.ends_with('\n') {
        ledger.read_line(line.trim_end());
        line.clear();
    }
    ledger
}
