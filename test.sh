#!/usr/bin/env bash
# Runs every test: units, documentation, conformance, failure stories, compile errors.
# Needs Rust, a C compiler, and the programs of PostgreSQL, PgBouncer, NATS, Redis, RabbitMQ and Kafka:
# installs or fetches all but Rust if it may, and otherwise says what to install.
set -euo pipefail
cd "$(dirname "$0")"

# Installs Debian's packages if it may. Where services cannot start the packages are there all the same,
# so whoever calls this looks instead of asking how it went.
try_apt_get() (
    { [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; } || return 0
    # Packages of servers start them, and tests start servers of their own.
    policy=/usr/sbin/policy-rc.d
    if [ ! -e "$policy" ]; then
        trap 'rm -f "$policy"' EXIT
        printf '#!/bin/sh\nexit 101\n' >"$policy" && chmod 755 "$policy"
    fi
    apt-get update -q && apt-get install -y -q --no-install-recommends "$@" || true
)

need_c_compiler() {
    command -v cc >/dev/null && return
    try_apt_get gcc libc6-dev
    command -v cc >/dev/null && return
    echo "test.sh: a C compiler is missing (the embedded SQLite is built with it)." >&2
    echo "  Debian, Ubuntu: sudo apt-get install gcc libc6-dev" >&2
    echo "  Fedora:         sudo dnf install gcc" >&2
    echo "  macOS:          xcode-select --install" >&2
    exit 1
}

has_make() {
    command -v make >/dev/null && command -v c++ >/dev/null
}

need_make() {
    has_make && return
    try_apt_get g++ make
    has_make && return
    echo "test.sh: make or a C++ compiler is missing (the client of Kafka is built with them)." >&2
    echo "  Debian, Ubuntu: sudo apt-get install g++ make" >&2
    echo "  Fedora:         sudo dnf install gcc-c++ make" >&2
    echo "  macOS:          xcode-select --install" >&2
    exit 1
}

# A server that is running is not enough: tests crash servers of their own.
has_postgresql() {
    command -v initdb >/dev/null || compgen -G "/usr/lib/postgresql/*/bin/initdb" >/dev/null ||
        { command -v pg_config >/dev/null && [ -x "$(pg_config --bindir)/initdb" ]; }
}

# Debian keeps some servers where only root's PATH leads.
has_server() {
    command -v "$1" >/dev/null || [ -x "/usr/sbin/$1" ]
}

need_postgresql() {
    has_postgresql && has_server pgbouncer && return
    try_apt_get postgresql pgbouncer
    has_postgresql && has_server pgbouncer && return
    echo "test.sh: PostgreSQL's server programs (initdb) or PgBouncer are missing." >&2
    echo "  Debian, Ubuntu: sudo apt-get install postgresql pgbouncer" >&2
    echo "  Fedora:         sudo dnf install postgresql-server pgbouncer" >&2
    echo "  macOS:          brew install postgresql pgbouncer" >&2
    exit 1
}

has_brokers() {
    has_server nats-server && has_server redis-server && has_server rabbitmq-server
}

need_brokers() {
    has_brokers && return
    try_apt_get nats-server redis-server rabbitmq-server
    has_brokers && return
    echo "test.sh: nats-server, redis-server or rabbitmq-server is missing." >&2
    echo "  Debian, Ubuntu: sudo apt-get install nats-server redis-server rabbitmq-server" >&2
    echo "  Fedora:         sudo dnf install valkey-compat-redis rabbitmq-server" >&2
    echo "                  go install github.com/nats-io/nats-server/v2@latest" >&2
    echo "  macOS:          brew install nats-server redis rabbitmq" >&2
    exit 1
}

# What no package has is fetched once, into folders that are there as a whole or not at all.
. tests/src/brokers/versions.sh
cache="${ANNALS_CACHE:-$HOME/.cache/annals}"

need_newest_nats() {
    local there="$cache/nats-$nats"
    [ -x "$there/nats-server" ] && return
    command -v go >/dev/null || try_apt_get golang-go
    mkdir -p "$there.new"
    if command -v go >/dev/null &&
        GOBIN="$there.new" go install "github.com/nats-io/nats-server/v2@v$nats"; then
        rm -rf "$there" && mv "$there.new" "$there" && return
    fi
    echo "test.sh: NATS $nats cannot be built: install Go 1.26 or newer from https://go.dev/dl, or put" >&2
    echo "  the program nats-server of that version into $there" >&2
    exit 1
}

# The `java` that tests start says 17 or more. What older ones say begins with `1.`, and macOS has one that
# only says where Java can be had.
has_java() {
    local java=java version
    if [ -n "${JAVA_HOME:-}" ] && [ -x "$JAVA_HOME/bin/java" ]; then java="$JAVA_HOME/bin/java"; fi
    version="$("$java" -version 2>&1 | sed -n 's/.* version "\([0-9]*\).*/\1/p')" || true
    [ "${version:-0}" -ge 17 ]
}

need_java() {
    has_java && return
    try_apt_get default-jre-headless
    # Which some releases have in an older version.
    has_java || try_apt_get openjdk-17-jre-headless
    has_java && return
    echo "test.sh: Java 17 or newer is missing, which Kafka runs on; it is looked for in JAVA_HOME, then in PATH." >&2
    echo "  Debian, Ubuntu: sudo apt-get install default-jre-headless, or openjdk-17-jre-headless" >&2
    echo "  Fedora:         sudo dnf install java-latest-openjdk-headless" >&2
    echo "  macOS:          brew install openjdk, and put its bin folder into PATH" >&2
    exit 1
}

need_kafka() {
    local there="$cache/kafka-$kafka"
    [ -d "$there" ] && return
    command -v mvn >/dev/null || try_apt_get maven
    rm -rf "$there.new" && mkdir -p "$there.new"
    cat >"$there.new/pom.xml" <<END
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>annals</groupId>
  <artifactId>kafka</artifactId>
  <version>$kafka</version>
  <packaging>pom</packaging>
  <dependencies>
    <dependency>
      <groupId>org.apache.kafka</groupId>
      <artifactId>kafka_2.13</artifactId>
      <version>$kafka</version>
    </dependency>
    <dependency>
      <groupId>org.slf4j</groupId>
      <artifactId>slf4j-simple</artifactId>
      <version>$slf4j</version>
    </dependency>
  </dependencies>
</project>
END
    if command -v mvn >/dev/null && mvn -B -q -f "$there.new/pom.xml" \
        org.apache.maven.plugins:maven-dependency-plugin:2.8:copy-dependencies \
        -DincludeScope=runtime -DoutputDirectory="$there.new"; then
        mv "$there.new" "$there" && return
    fi
    echo "test.sh: Kafka $kafka cannot be fetched, which Maven does." >&2
    echo "  Debian, Ubuntu: sudo apt-get install maven" >&2
    echo "  Fedora:         sudo dnf install maven" >&2
    echo "  macOS:          brew install maven" >&2
    echo "  Without a network: put the jars of its archive's libs folder into $there" >&2
    exit 1
}

need_cargo() {
    command -v cargo >/dev/null && return
    echo "test.sh: cargo is missing: install Rust from https://rustup.rs" >&2
    exit 1
}

need_cargo
need_c_compiler
need_make
need_postgresql
need_brokers
need_newest_nats
need_java
need_kafka
# Without debug information everything builds in half the time and space.
export CARGO_PROFILE_DEV_DEBUG="${CARGO_PROFILE_DEV_DEBUG:-0}"
# In how many worlds the engine of consumers is simulated: one or two minutes on two cores. The outbox is simulated
# in a tenth as many, sagas in a twentieth: about as long each.
export ANNALS_SEEDS="${ANNALS_SEEDS:-10000}"
cargo test --workspace --all-features "$@"
