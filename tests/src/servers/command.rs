//! As whom a server runs.

use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;
use std::sync::LazyLock;

use super::said;

/// A program that works in `folder`, in a process group of its own: not stopped by Ctrl-C.
pub(crate) fn command(program: impl AsRef<Path>, folder: &Path) -> Command {
    let mut command = Command::new(program.as_ref());
    command.current_dir(folder).process_group(0);
    command
}

/// A [`command`] that is not run as root, for programs that refuse to be.
pub(crate) fn unprivileged(program: impl AsRef<Path>, folder: &Path) -> Command {
    let mut command = command(program, folder);
    if let Some((user, group)) = *UNPRIVILEGED {
        command.uid(user).gid(group);
    }
    command
}

/// Makes a folder belong to whom [`unprivileged`] programs run as.
pub(super) fn hand_over(folder: &Path) {
    if let Some((user, group)) = *UNPRIVILEGED {
        chown(folder, Some(user), Some(group)).expect("root can give a folder away");
    }
}

/// User and group to become; `None` for whoever is not root anyway.
static UNPRIVILEGED: LazyLock<Option<(u32, u32)>> = LazyLock::new(|| {
    if id(&["-u"]) != Some(0) {
        return None;
    }
    let known = ["postgres", "nobody"];
    let found = known.iter().find_map(|name| Some((id(&["-u", name])?, id(&["-g", name])?)));
    Some(found.expect("root has a user `postgres` or `nobody` to run servers as"))
});

fn id(arguments: &[&str]) -> Option<u32> {
    said("id", arguments)?.parse().ok()
}
