//! A process that runs consumers beside others: to be killed, frozen and stopped.

use std::process::Stdio;
use std::time::{Duration, Instant};

use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

use super::site::Site;

/// How long a member may take to say what it must say, or to end.
const PATIENCE: Duration = Duration::from_secs(20);

/// One that is dropped is killed.
pub(crate) struct Member {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Member {
    /// Starts it, and waits until it runs.
    pub(crate) async fn start(site: &Site, label: &str, settings: &[&str]) -> Self {
        let mut member = Self::begin(site, label, settings);
        assert_eq!(member.says().await.as_deref(), Some("started"), "{label}");
        member
    }

    /// Starts it.
    pub(crate) fn begin(site: &Site, label: &str, settings: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_member"));
        command.args([&site.url, label]);
        command.arg(format!("effects={}", site.effects.display())).args(settings);
        Self::of(command)
    }

    /// Starts another program that ends when its input does.
    pub(crate) fn of(mut command: Command) -> Self {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("the member starts");
        let stdout = child.stdout.take().expect("its output is piped");
        Self { child, lines: BufReader::new(stdout).lines() }
    }

    /// The next line it says; nothing when it has ended.
    pub(crate) async fn says(&mut self) -> Option<String> {
        let line = tokio::time::timeout(PATIENCE, self.lines.next_line()).await;
        line.expect("it says something in time").expect("its output is text")
    }

    /// `kill -9`; it is gone when this returns.
    pub(crate) async fn kill(&mut self) {
        self.child.kill().await.expect("it can be killed");
    }

    /// How much memory it has had at the most so far.
    pub(crate) fn peak_bytes(&self) -> u64 {
        let pid = self.child.id().expect("it runs");
        let text =
            std::fs::read_to_string(format!("/proc/{pid}/status")).expect("it runs on Linux");
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("a peak");
        let kilobytes = line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number");
        kilobytes * 1024
    }

    /// Nothing of it runs until it is [thawed](Self::thaw).
    pub(crate) fn freeze(&self) {
        self.signal("-STOP");
    }

    pub(crate) fn thaw(&self) {
        self.signal("-CONT");
    }

    /// Nothing of it runs for so long, whatever the test waits for meanwhile.
    pub(crate) fn freeze_for(&self, time: Duration) {
        self.freeze();
        let pid = self.child.id();
        tokio::spawn(async move {
            tokio::time::sleep(time).await;
            // It may have been killed meanwhile.
            let _ = signal(pid, "-CONT");
        });
    }

    fn signal(&self, name: &str) {
        assert!(signal(self.child.id(), name), "{name}");
    }

    /// Stops it, and returns what it had said.
    pub(crate) async fn stop_and_hear(mut self) -> Vec<String> {
        drop(self.child.stdin.take());
        let mut said = Vec::new();
        while let Some(line) = self.says().await {
            said.push(line);
        }
        said
    }

    /// Stops it, and returns how long that took.
    pub(crate) async fn stop(mut self) -> Duration {
        let begun = Instant::now();
        drop(self.child.stdin.take());
        let ended = tokio::time::timeout(PATIENCE, self.child.wait()).await;
        let ended = ended.expect("it ends in time").expect("it can be waited for");
        assert!(ended.success(), "a member failed: {ended}");
        begun.elapsed()
    }
}

fn signal(pid: Option<u32>, name: &str) -> bool {
    let pid = pid.expect("it runs").to_string();
    let sent = std::process::Command::new("kill").args([name, &pid]).stderr(Stdio::null()).status();
    sent.expect("there is a `kill`").success()
}
