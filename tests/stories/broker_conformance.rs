//! Every broker keeps every promise of a publisher and of a source.

use annals_testkit::MemoryBrokerSubject;

annals_testkit::broker_conformance!(memory, MemoryBrokerSubject::open);
