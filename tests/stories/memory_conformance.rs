//! The memory store keeps every promise of a store.

use annals_testkit::MemoryFixture;

annals_testkit::conformance!(memory, MemoryFixture);
