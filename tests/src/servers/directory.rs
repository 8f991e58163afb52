//! A folder for a server's files that does not outlive the test.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use super::command::{command, hand_over, unprivileged};

/// A folder that is removed when this is dropped. If the test is killed instead, the server that runs
/// in it is ended as well.
pub(crate) struct Directory {
    path: PathBuf,
    keeper: Child,
}

/// How a server is ended whose test was killed.
#[derive(Debug, Clone, Copy)]
pub(crate) enum End {
    /// By asking it to quit at once, and its children with it.
    Quit,
    /// By killing all of its process group.
    KillGroup,
}

/// Remembers the last line of its input, as in `QUIT 17`, `KILL -17` or nothing, until its input ends,
/// which it does however the test ends.
const KEEPER: &str = r#"
    running= tries=0
    again() { tries=$((tries + 1)); [ $tries -lt 50 ] && sleep 0.1; }
    while read -r line; do running=$line; done
    set -- $running
    kill -s "$1" -- "$2"
    # What is killed is gone, even where nobody collects the dead.
    [ "$1" = KILL ] || while kill -s 0 -- "$2" && again; do :; done
    until rm -rf "$0" || ! again; do :; done
"#;

impl Directory {
    /// A folder of whoever runs the tests.
    pub(crate) fn new() -> Self {
        Self::kept_by(new_folder(), command)
    }

    /// A folder of whom [`unprivileged`] programs run as.
    pub(crate) fn unprivileged() -> Self {
        let path = new_folder();
        hand_over(&path);
        Self::kept_by(path, unprivileged)
    }

    fn kept_by(path: PathBuf, command: fn(&'static str, &Path) -> Command) -> Self {
        let keeper = command("/bin/sh", Path::new("/"))
            .arg("-c")
            .arg(KEEPER)
            .arg(&path)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("a shell starts");
        Self { path, keeper }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// What the server says.
    pub(crate) fn log(&self) -> PathBuf {
        self.path.join("log")
    }

    /// A server runs here from now on: the leader of a process group.
    pub(super) fn is_home_of(&self, process: u32, end: End) {
        self.tell(&match end {
            End::Quit => format!("QUIT {process}\n"),
            End::KillGroup => format!("KILL -{process}\n"),
        });
    }

    /// Nothing runs here any more, and the process id may be somebody else's soon.
    pub(super) fn is_left(&self) {
        self.tell("\n");
    }

    fn tell(&self, line: &str) {
        let mut input = self.keeper.stdin.as_ref().expect("it is piped, and open until the drop");
        input.write_all(line.as_bytes()).expect("the keeper reads as long as it may");
    }
}

fn new_folder() -> PathBuf {
    let directory = tempfile::Builder::new().prefix("annals-").tempdir();
    directory.expect("a temporary directory").keep()
}

impl Drop for Directory {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        // An error means that it is gone already.
        let _ = self.keeper.wait();
    }
}
