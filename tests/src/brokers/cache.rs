//! What `test.sh` has fetched.

use std::path::PathBuf;

/// The folder where `test.sh` keeps a program in the version that it fetches, there or not:
/// `$ANNALS_CACHE/kafka-4.3.1`, where `ANNALS_CACHE` is `~/.cache/annals` if nobody says otherwise.
pub(super) fn cached(program: &str) -> PathBuf {
    let cache = std::env::var_os("ANNALS_CACHE").map(PathBuf::from);
    let cache =
        cache.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache/annals")));
    let cache = cache.expect("HOME or ANNALS_CACHE says where test.sh keeps what it fetches");
    cache.join(format!("{program}-{}", version(program)))
}

/// Which version that is.
pub(super) fn version(program: &str) -> &'static str {
    let lines = include_str!("versions.sh").lines();
    let mut versions = lines.filter_map(|line| line.split_once('='));
    let found = versions.find(|(name, _)| *name == program);
    found.unwrap_or_else(|| panic!("versions.sh does not have `{program}`")).1
}
