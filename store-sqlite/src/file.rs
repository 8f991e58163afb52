//! Noticing that the file a store works on is not the file of that name any more.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use annals_core::store::StoreError;

/// How often is looked: what is written meanwhile into a file that was deleted is lost.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// The file that was opened.
#[derive(Clone)]
pub(crate) struct OpenedFile(Arc<Inner>);

struct Inner {
    path: PathBuf,
    identity: Option<Identity>,
    opened: Instant,
    /// When it was last looked at, in milliseconds since it was opened.
    looked: AtomicU64,
}

impl OpenedFile {
    /// Remembers which file stands at `path` now.
    pub(crate) fn at(path: PathBuf) -> Self {
        let identity = identity(&path);
        Self(Arc::new(Inner { path, identity, opened: Instant::now(), looked: AtomicU64::new(0) }))
    }

    /// Refuses when the file was deleted or replaced. Looks now and then only.
    pub(crate) fn check(&self) -> Result<(), StoreError> {
        let Inner { path, identity: known, opened, looked } = &*self.0;
        let now = u64::try_from(opened.elapsed().as_millis()).unwrap_or(u64::MAX);
        let due = looked.load(Ordering::Relaxed) + LOOK_EVERY.as_millis() as u64;
        if known.is_none() || now < due {
            return Ok(());
        }
        if identity(path) == *known {
            looked.store(now, Ordering::Relaxed);
            return Ok(());
        }
        Err(StoreError::ReadOnly {
            place: path.display().to_string(),
            hint: "the file was deleted or replaced while it was open, and what is written into \
                   the old one is lost: put it back, or open the store anew"
                .to_owned(),
        })
    }
}

#[cfg(unix)]
type Identity = (u64, u64);

#[cfg(unix)]
fn identity(path: &PathBuf) -> Option<Identity> {
    use std::os::unix::fs::MetadataExt;
    fs::metadata(path).ok().map(|file| (file.dev(), file.ino()))
}

/// Where files have no numbers, an open file cannot be deleted either.
#[cfg(not(unix))]
type Identity = bool;

#[cfg(not(unix))]
fn identity(path: &PathBuf) -> Option<Identity> {
    fs::metadata(path).ok().map(|_| true)
}
