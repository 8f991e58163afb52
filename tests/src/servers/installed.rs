//! Where programs are.

use std::path::PathBuf;
use std::process::Command;

/// A program in one of these folders, else in those of `PATH`, else where systems keep what only root
/// is expected to run.
pub(crate) fn find(program: &str, folders: impl IntoIterator<Item = PathBuf>) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path = std::env::split_paths(&path).chain([PathBuf::from("/usr/sbin")]);
    folders.into_iter().chain(path).map(|folder| folder.join(program)).find(|file| file.is_file())
}

/// What a program says when it succeeds, without the spaces around it.
pub(crate) fn said(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
