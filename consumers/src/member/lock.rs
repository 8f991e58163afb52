//! A crash that is noticed at once: every member holds the lock of a file, and the system lets go of it when
//! the process ends, however it ends. Whoever can lock it knows that the member is gone, and need not
//! wait for its lease to pass. A member of another machine has no file here; then only time tells.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use uuid::Uuid;

/// Held for as long as a member lives.
#[derive(Debug)]
pub(crate) struct Lock {
    path: PathBuf,
    _file: File,
}

impl Lock {
    /// Takes the lock of a member, before anybody can hear of it.
    pub(crate) fn take(directory: &Path, member: Uuid) -> io::Result<Self> {
        let path = path(directory, member);
        let file = OpenOptions::new().write(true).create_new(true).open(&path)?;
        file.try_lock().map_err(|error| match error {
            TryLockError::Error(error) => error,
            TryLockError::WouldBlock => io::ErrorKind::WouldBlock.into(),
        })?;
        Ok(Self { path, _file: file })
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // One that is left behind does no harm.
        let _ = std::fs::remove_file(&self.path);
    }
}

/// Whether a member is known to be gone.
pub(crate) fn is_gone(directory: &Path, member: Uuid) -> bool {
    let file = OpenOptions::new().write(true).open(path(directory, member));
    file.is_ok_and(|file| file.try_lock().is_ok())
}

/// Removes what a member that is gone has left behind.
pub(crate) fn bury(directory: &Path, member: Uuid) {
    let _ = std::fs::remove_file(path(directory, member));
}

fn path(directory: &Path, member: Uuid) -> PathBuf {
    directory.join(format!("annals-member-{member}.lock"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_is_gone_when_its_lock_is_free() {
        let directory = std::env::temp_dir();
        let member = Uuid::now_v7();
        assert!(!is_gone(&directory, member), "nobody knows it here");
        let lock = Lock::take(&directory, member).expect("the directory can be written");
        assert!(!is_gone(&directory, member));
        let Lock { path, .. } = &lock;
        // As after a crash: the file is there, and nobody holds it.
        let left_behind = path.clone();
        drop(lock);
        std::fs::write(&left_behind, "").expect("the directory can be written");
        assert!(is_gone(&directory, member));
        bury(&directory, member);
        assert!(!left_behind.exists());
    }
}
