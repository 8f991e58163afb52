#!/usr/bin/env bash
# Runs every test: units, documentation, conformance, failure stories, compile errors.
# Needs Rust, a C compiler, PostgreSQL's server programs and PgBouncer: installs all but Rust if it
# may, and otherwise says what to install.
set -euo pipefail
cd "$(dirname "$0")"

need_c_compiler() {
    command -v cc >/dev/null && return
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        apt-get update -q && apt-get install -y -q --no-install-recommends gcc libc6-dev
        return
    fi
    echo "test.sh: a C compiler is missing (the embedded SQLite is built with it)." >&2
    echo "  Debian, Ubuntu: sudo apt-get install gcc libc6-dev" >&2
    echo "  Fedora:         sudo dnf install gcc" >&2
    echo "  macOS:          xcode-select --install" >&2
    exit 1
}

# A server that is running is not enough: tests crash servers of their own.
has_postgresql() {
    command -v initdb >/dev/null || compgen -G "/usr/lib/postgresql/*/bin/initdb" >/dev/null ||
        { command -v pg_config >/dev/null && [ -x "$(pg_config --bindir)/initdb" ]; }
}

has_pgbouncer() {
    command -v pgbouncer >/dev/null || [ -x /usr/sbin/pgbouncer ]
}

need_postgresql() {
    has_postgresql && has_pgbouncer && return
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        # Where services cannot start the packages are there all the same, so look instead.
        { apt-get update -q && apt-get install -y -q --no-install-recommends postgresql pgbouncer; } || true
        has_postgresql && has_pgbouncer && return
    fi
    echo "test.sh: PostgreSQL's server programs (initdb) or PgBouncer are missing." >&2
    echo "  Debian, Ubuntu: sudo apt-get install postgresql pgbouncer" >&2
    echo "  Fedora:         sudo dnf install postgresql-server pgbouncer" >&2
    echo "  macOS:          brew install postgresql pgbouncer" >&2
    exit 1
}

need_cargo() {
    command -v cargo >/dev/null && return
    echo "test.sh: cargo is missing: install Rust from https://rustup.rs" >&2
    exit 1
}

need_cargo
need_c_compiler
need_postgresql
# Without debug information everything builds in half the time and space.
export CARGO_PROFILE_DEV_DEBUG="${CARGO_PROFILE_DEV_DEBUG:-0}"
# In how many worlds the engine of consumers is simulated: one or two minutes on two cores.
export ANNALS_SEEDS="${ANNALS_SEEDS:-10000}"
cargo test --workspace --all-features "$@"
