//! Where PostgreSQL's programs are.

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use crate::servers::{find, said};

/// The folder of `initdb`, `postgres` and the others.
///
/// # Panics
/// When PostgreSQL is not installed; the message says what to install.
pub fn server_programs() -> &'static Path {
    static FOUND: LazyLock<Option<PathBuf>> = LazyLock::new(|| {
        let initdb = find("initdb", []).or_else(|| find("initdb", elsewhere()))?;
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
    static FOUND: LazyLock<Option<PathBuf>> = LazyLock::new(|| find("pgbouncer", []));
    FOUND.as_deref().expect(
        "this test starts PgBouncer, and there is no `pgbouncer`: apt-get install pgbouncer \
         (Debian), dnf install pgbouncer (Fedora), brew install pgbouncer (macOS)",
    )
}

/// Where Debian has it, the newest version first, and what `pg_config` says.
fn elsewhere() -> impl Iterator<Item = PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut versions: Vec<(u32, PathBuf)> = versions
        .filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path())))
        .collect();
    versions.sort_by(|one, other| other.cmp(one));
    let debian = versions.into_iter().map(|(_, path)| path.join("bin"));
    debian.chain(said("pg_config", &["--bindir"]).map(PathBuf::from))
}
