#!/usr/bin/env bash
# Runs every test: units, documentation, conformance, failure stories, compile errors.
# Needs Rust; installs a C compiler if it may, and otherwise says what to install.
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

need_cargo() {
    command -v cargo >/dev/null && return
    echo "test.sh: cargo is missing: install Rust from https://rustup.rs" >&2
    exit 1
}

need_cargo
need_c_compiler
# Without debug information everything builds in half the time and space.
export CARGO_PROFILE_DEV_DEBUG="${CARGO_PROFILE_DEV_DEBUG:-0}"
cargo test --workspace --all-features "$@"
