//! Running the command.

use std::io::Write;
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;

/// A command that has ended.
pub(crate) struct Ended {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// The command with these arguments on a store.
pub(super) fn command(store: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_annals_command"));
    command.env("ANNALS_STORE", store).env_remove("NO_COLOR").args(arguments);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Runs it to its end.
pub(crate) fn annals(store: &str, arguments: &[&str]) -> Ended {
    ended(command(store, arguments).output().expect("the command starts"))
}

/// Runs it with something to read.
pub(super) fn annals_reading(store: &str, arguments: &[&str], input: &[u8]) -> Ended {
    let mut child =
        command(store, arguments).stdin(Stdio::piped()).spawn().expect("the command starts");
    let mut stdin = child.stdin.take().expect("its input is piped");
    std::thread::scope(|scope| {
        // It may end before it has read everything.
        scope.spawn(move || drop(stdin.write_all(input)));
        ended(child.wait_with_output().expect("it ends"))
    })
}

fn ended(output: Output) -> Ended {
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("it writes text");
    Ended {
        code: output.status.code().expect("it was not killed"),
        out: text(output.stdout),
        err: text(output.stderr),
    }
}

impl Ended {
    /// It did what it was asked.
    #[track_caller]
    pub(super) fn ok(self) -> String {
        assert_eq!(self.code, 0, "{}{}", self.out, self.err);
        self.out
    }

    /// It failed in this way; what it said.
    #[track_caller]
    pub(super) fn failed(self, code: i32) -> String {
        assert_eq!(self.code, code, "{}{}", self.out, self.err);
        self.err
    }

    /// One JSON value.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        assert_eq!(self.out.lines().count(), 1, "one value stands on one line: {}", self.out);
        serde_json::from_str(&self.out).expect("it is JSON")
    }

    /// JSON values, one a line.
    #[track_caller]
    pub(super) fn json_lines(&self) -> Vec<Value> {
        self.out.lines().map(|line| serde_json::from_str(line).expect("it is JSON")).collect()
    }
}

/// Sends a signal, as `kill` does.
pub(super) fn signal(child: &Child, name: &str) {
    let sent = Command::new("kill").args([format!("-{name}"), child.id().to_string()]).status();
    assert!(sent.expect("there is a `kill`").success());
}
