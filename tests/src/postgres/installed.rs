//! Where PostgreSQL's programs are, and as whom they run: a server refuses to be root.

use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

/// The folder of `initdb` and `postgres`.
pub(super) fn server_programs() -> &'static Path {
    static FOUND: LazyLock<Option<PathBuf>> = LazyLock::new(|| {
        let folders = path().into_iter().chain(debian()).chain(said_by_pg_config());
        let initdb = first(folders, "initdb")?;
        // A link in PATH may stand alone; its target has the others beside it.
        Some(initdb.canonicalize().ok()?.parent()?.to_owned())
    });
    FOUND.as_deref().expect(
        "these tests start PostgreSQL servers of their own, and there is no `initdb`: \
         apt-get install postgresql (Debian), dnf install postgresql-server (Fedora), \
         brew install postgresql (macOS)",
    )
}

/// The program `pgbouncer`.
pub(super) fn pgbouncer() -> &'static Path {
    static FOUND: LazyLock<Option<PathBuf>> = LazyLock::new(|| {
        first(path().into_iter().chain([PathBuf::from("/usr/sbin")]), "pgbouncer")
    });
    FOUND.as_deref().expect(
        "this test starts PgBouncer, and there is no `pgbouncer`: apt-get install pgbouncer \
         (Debian), dnf install pgbouncer (Fedora), brew install pgbouncer (macOS)",
    )
}

/// A program that keeps its files in `folder`, not run as root and not stopped by Ctrl-C.
pub(super) fn command(program: impl AsRef<Path>, folder: &Path) -> Command {
    let mut command = Command::new(program.as_ref());
    command.current_dir(folder).process_group(0);
    if let Some((user, group)) = *UNPRIVILEGED {
        command.uid(user).gid(group);
    }
    command
}

/// Makes a folder belong to whom [`command`] runs as.
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

fn said(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

fn first(folders: impl Iterator<Item = PathBuf>, program: &str) -> Option<PathBuf> {
    folders.map(|folder| folder.join(program)).find(|path| path.is_file())
}

fn path() -> Vec<PathBuf> {
    std::env::var_os("PATH").map(|path| std::env::split_paths(&path).collect()).unwrap_or_default()
}

/// `/usr/lib/postgresql/15/bin`, the newest version first.
fn debian() -> Vec<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut versions: Vec<(u32, PathBuf)> = versions
        .filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path())))
        .collect();
    versions.sort_by(|one, other| other.cmp(one));
    versions.into_iter().map(|(_, path)| path.join("bin")).collect()
}

fn said_by_pg_config() -> Option<PathBuf> {
    said("pg_config", &["--bindir"]).map(PathBuf::from)
}
