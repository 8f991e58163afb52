//! Starting, hearing and killing the process that is there to be killed.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

pub(crate) struct Victim {
    child: Child,
    lines: std::io::Lines<BufReader<ChildStdout>>,
}

impl Victim {
    pub(crate) fn start(arguments: &[&str], file: &Path) -> Self {
        let (mode, rest) = arguments.split_first().expect("a mode");
        let mut child = Command::new(env!("CARGO_BIN_EXE_crash_child"))
            .arg(mode)
            .arg(file)
            .args(rest)
            .stdout(Stdio::piped())
            .spawn()
            .expect("the child starts");
        let stdout = child.stdout.take().expect("its output is piped");
        Self { child, lines: BufReader::new(stdout).lines() }
    }

    /// The next line it says, or `None` once it has ended.
    pub(crate) fn next_line(&mut self) -> Option<String> {
        self.lines.next().map(|line| line.expect("its output is text"))
    }

    /// `kill -9`, then everything it had said before. A last line without its end is dropped: it
    /// was cut off.
    pub(crate) fn kill(mut self) -> Vec<String> {
        self.child.kill().expect("it can be killed");
        self.child.wait().expect("it has ended");
        self.lines.map_while(Result::ok).collect()
    }

    /// Waits for its end.
    pub(crate) fn join(mut self) {
        while self.next_line().is_some() {}
        assert!(self.child.wait().expect("it has ended").success(), "the child failed");
    }
}
