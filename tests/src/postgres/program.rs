//! A running server: it has said that it is ready, and what else it says goes to a file.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStderr, Command, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

pub(super) struct Program {
    child: Child,
    log: JoinHandle<()>,
}

impl Program {
    /// Starts it and waits until it says `ready`.
    pub(super) async fn start(mut command: Command, ready: &'static str, log: &Path) -> Self {
        let file = File::options().create(true).append(true).open(log).expect("a log file");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the server starts");
        let said = child.stderr.take().expect("its errors are piped");
        let (sender, is_ready) = oneshot::channel();
        let keep = std::thread::spawn(move || keep_log(said, file, ready, sender));
        if is_ready.await.is_err() {
            let text = std::fs::read_to_string(log).unwrap_or_default();
            let end = text.lines().rev().take(10).collect::<Vec<_>>();
            let end = end.into_iter().rev().collect::<Vec<_>>().join("\n");
            panic!("{command:?} ended before it was ready:\n{end}");
        }
        Self { child, log: keep }
    }

    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits until it and all its children are gone: none of them holds the log open any more.
    ///
    /// # Panics
    /// When it has not ended within a minute of being told to; then it is killed.
    pub(super) fn wait(mut self) {
        const PATIENCE: Duration = Duration::from_secs(60);
        const PAUSE: Duration = Duration::from_millis(5);
        let end = Instant::now() + PATIENCE;
        while self.child.try_wait().expect("a child can be asked").is_none() {
            if Instant::now() > end {
                // An error means that it has just ended.
                let _ = self.child.kill();
                panic!("a server did not end for {PATIENCE:?}, and was killed");
            }
            std::thread::sleep(PAUSE);
        }
        self.log.join().expect("the log is kept");
    }
}

/// Runs a line of shell with the process id as `$1`.
pub(super) fn signal(program: &Program, script: &str) {
    let pid = program.pid().to_string();
    let status = Command::new("/bin/sh").args(["-c", script, "sh", &pid]).status();
    assert!(status.expect("a shell starts").success(), "`{script}` failed");
}

fn keep_log(said: ChildStderr, mut file: File, ready: &str, sender: oneshot::Sender<()>) {
    let mut sender = Some(sender);
    for line in BufReader::new(said).split(b'\n').map_while(Result::ok) {
        let line = String::from_utf8_lossy(&line);
        // The folder may be gone before the last line is.
        let _ = writeln!(file, "{line}");
        if line.contains(ready)
            && let Some(sender) = sender.take()
        {
            let _ = sender.send(());
        }
    }
}
