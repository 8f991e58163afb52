//! A running server, and what it says: that goes to a file.

use std::fs::File;
use std::io::{BufRead, BufReader, PipeReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::directory::{Directory, End};

/// How long a server may take to be ready, or to end when it is told to.
const PATIENCE: Duration = Duration::from_secs(120);

pub(crate) struct Program {
    child: Child,
    /// Ends when nobody can say anything any more: the program and all its children are gone.
    log: JoinHandle<()>,
}

/// What a server says when it is ready, and whom to tell.
type Ready = (&'static str, oneshot::Sender<()>);

impl Program {
    /// Starts it and waits until it says `ready`.
    ///
    /// # Panics
    /// When it ends, or is not ready in time; the message has the end of its log.
    pub(crate) async fn start(
        command: Command,
        ready: &'static str,
        directory: &Directory,
        end: End,
    ) -> Self {
        let (sender, is_ready) = oneshot::channel();
        let mut program = Self::spawn_with(command, directory, end, Some((ready, sender)));
        match tokio::time::timeout(PATIENCE, is_ready).await {
            Ok(Ok(())) => program,
            Ok(Err(_)) => program.fail("ended before it was ready", directory),
            Err(_) => program.fail("was not ready in time", directory),
        }
    }

    /// Starts it and waits until a look at it succeeds.
    ///
    /// # Panics
    /// When it ends, or no look succeeds in time; the message has what the last look brought and the end
    /// of its log.
    pub(crate) async fn start_until<L: Future<Output = std::io::Result<()>>>(
        command: Command,
        look: impl Fn() -> L,
        directory: &Directory,
        end: End,
    ) -> Self {
        /// How long one look may take, and how long the server is left alone between two.
        const LOOK: Duration = Duration::from_secs(5);
        const PAUSE: Duration = Duration::from_millis(20);
        let mut program = Self::spawn_with(command, directory, end, None);
        let patience = Instant::now() + PATIENCE;
        loop {
            let seen = match tokio::time::timeout(LOOK, look()).await {
                Ok(Ok(())) => return program,
                Ok(Err(error)) => error.to_string(),
                Err(_) => format!("it said nothing for {LOOK:?}"),
            };
            if program.has_ended() {
                program.fail("ended before it was ready", directory);
            }
            if Instant::now() > patience {
                program.fail(&format!("was not ready in {PATIENCE:?} ({seen})"), directory);
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    fn spawn_with(
        mut command: Command,
        directory: &Directory,
        end: End,
        ready: Option<Ready>,
    ) -> Self {
        let log = File::options().create(true).append(true).open(directory.log());
        let log = log.expect("a log file");
        let (said, says) = std::io::pipe().expect("a pipe");
        command.stdin(Stdio::null()).stderr(says.try_clone().expect("a second end")).stdout(says);
        let child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        directory.is_home_of(child.id(), end);
        let log = std::thread::spawn(move || keep_log(said, log, ready));
        // The command, which is dropped now, holds our copy of the end that the server talks into.
        Self { child, log }
    }

    fn fail(&mut self, how: &str, directory: &Directory) -> ! {
        signal(self, r#"kill -s KILL -- "-$1" 2>/dev/null || true"#);
        self.end();
        directory.is_left();
        panic!("a server {how}:\n{}", last_lines(&directory.log()));
    }

    fn has_ended(&mut self) -> bool {
        self.child.try_wait().expect("a child can be asked").is_some()
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits until it and all its children are gone.
    ///
    /// # Panics
    /// When they have not ended in time; then it is killed.
    pub(crate) fn wait(mut self, directory: &Directory) {
        self.end();
        directory.is_left();
    }

    fn end(&mut self) {
        const PAUSE: Duration = Duration::from_millis(5);
        let patience = Instant::now() + PATIENCE;
        while !(self.has_ended() && self.log.is_finished()) {
            if Instant::now() > patience {
                // An error means that it has just ended.
                let _ = self.child.kill();
                panic!("a server or a child of it did not end for {PATIENCE:?}, and was killed");
            }
            std::thread::sleep(PAUSE);
        }
    }
}

/// Runs a line of shell with the process id as `$1`.
pub(crate) fn signal(program: &Program, script: &str) {
    let pid = program.pid().to_string();
    let status = Command::new("/bin/sh").args(["-c", script, "sh", &pid]).status();
    assert!(status.expect("a shell starts").success(), "`{script}` failed");
}

fn last_lines(log: &Path) -> String {
    const LINES: usize = 20;
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<_> = text.lines().collect();
    lines[lines.len().saturating_sub(LINES)..].join("\n")
}

fn keep_log(said: PipeReader, mut log: File, mut ready: Option<Ready>) {
    for line in BufReader::new(said).split(b'\n').map_while(Result::ok) {
        let line = String::from_utf8_lossy(&line);
        // The folder may be gone before the last line is.
        let _ = writeln!(log, "{line}");
        if let Some((_, sender)) = ready.take_if(|(text, _)| line.contains(*text)) {
            // Nobody may be waiting any more.
            let _ = sender.send(());
        }
    }
}
