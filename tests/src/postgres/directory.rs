//! A folder for a server's files that does not outlive the test.

use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};

use super::installed::{command, hand_over};

/// A folder that is removed when this is dropped. If the test is killed instead, the server whose
/// process id stands in the folder is stopped as well.
pub(super) struct Directory {
    path: PathBuf,
    keeper: Child,
}

/// Waits for the end of its input, which comes however the test ends.
const KEEPER: &str = r#"
    cat >/dev/null
    for file in "$0"/data/postmaster.pid "$0"/pgbouncer.pid; do
        [ -f "$file" ] || continue
        pid=$(head -n 1 "$file")
        kill -QUIT "$pid"
        tries=0
        while kill -0 "$pid" && [ $tries -lt 50 ]; do sleep 0.1; tries=$((tries + 1)); done
    done
    rm -rf "$0"
"#;

impl Directory {
    pub(super) fn new() -> Self {
        let directory = tempfile::Builder::new().prefix("annals-").tempdir();
        let path = directory.expect("a temporary directory").keep();
        hand_over(&path);
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

    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        // An error means that it is gone already.
        let _ = self.keeper.wait();
    }
}
