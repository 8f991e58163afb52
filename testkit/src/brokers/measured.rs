//! The memory of one case, in a process of its own: other tests would be measured with it.

use std::process::Command;

/// Set in the process of its own.
const ALONE: &str = "ANNALS_CASE_ALONE";

/// Whether this process runs one case only.
pub(super) fn alone() -> bool {
    std::env::var_os(ALONE).is_some()
}

/// Runs a test of this program in a process of its own.
///
/// # Panics
/// When it fails there, with what it said.
pub(super) fn run_alone(test: &str) {
    let program = std::env::current_exe().expect("a test program knows where it is");
    // The names of tests begin behind the name of their crate.
    let name = test.split_once("::").map_or(test, |(_, name)| name);
    let mut command = Command::new(program);
    command.args([name, "--exact", "--nocapture", "--test-threads", "1"]).env(ALONE, "1");
    let output = command.output().expect("a test program can be started again");
    let said = String::from_utf8_lossy(&output.stdout);
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "in a process of its own it failed:\n{said}\n{error}");
    assert!(said.contains("1 passed"), "there is no test `{name}` in this program:\n{said}");
}

/// How much memory this process has, in bytes; `None` where the operating system does not tell.
pub(super) fn resident_bytes() -> Option<usize> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: usize = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes * 1024)
}
