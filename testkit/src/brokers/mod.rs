//! The suite that every broker passes: a file a topic, a function a promise. What a publisher promises
//! stands in [`publishers`], what a source promises in [`sources`].
//!
//! A broker's own test is a [`BrokerSubject`] and one line,
//! [`broker_conformance!`](crate::broker_conformance).

mod measured;
mod memory;
mod reader;
mod samples;
mod scene;
mod sender;
mod subject;

pub mod publishers;
pub mod sources;

pub use memory::MemoryBrokerSubject;
pub use reader::Reader;
pub use scene::Scene;
pub use sender::Sender;
pub use subject::{Abilities, BrokerSubject, Place, Wanted};

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

/// How long a server may take to be there.
const OPENING: Duration = Duration::from_secs(180);

/// How long what a broker promises may take to come.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long one case may take before it counts as hanging.
const CASE: Duration = Duration::from_secs(300);

/// A case whose types are erased, so that a broker's own test compiles quickly.
pub type Case = fn(Scene) -> Pin<Box<dyn Future<Output = ()>>>;

/// A subject on its way.
pub type Opening = Pin<Box<dyn Future<Output = Arc<dyn BrokerSubject>>>>;

/// Runs one case on a runtime of its own. Called by
/// [`broker_conformance!`](crate::broker_conformance).
pub fn run(open: &dyn Fn() -> Opening, test: &'static str, case: Case) {
    run_within(PATIENCE, open, test, case);
}

fn run_within(patience: Duration, open: &dyn Fn() -> Opening, test: &'static str, case: Case) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime can be started");
    runtime.block_on(async {
        // Made inside the runtime, because a client may need one.
        let subject = scene::within(OPENING, "a broker is there", open()).await;
        let story = case(Scene { subject, patience, test });
        scene::within(CASE, "the case ends", story).await;
    });
}

/// Tests a broker against the whole suite: `broker_conformance!(memory, MemoryBrokerSubject::open)` makes
/// a module `memory` with one test a promise, listed by topic and name.
///
/// The second argument is an async function that takes a [`Wanted`](crate::Wanted) and returns a
/// [`BrokerSubject`](crate::BrokerSubject); it is called once a test. What a broker's
/// [`Abilities`](crate::Abilities) exclude prints `skipped: …` with the reason.
#[macro_export]
macro_rules! broker_conformance {
    ($broker:ident, $open:expr $(,)?) => {
        mod $broker {
            #[allow(unused_imports)]
            use super::*;

            $crate::__broker_side!($open, publishers: [
                Shared order: [
                    what_is_acknowledged_is_received
                    an_acknowledgement_waits_for_no_other_message
                    order_per_key_with_many_at_once
                    hundreds_at_once
                    two_publishers_share_a_place
                    places_are_apart
                ]
                Shared contents: [
                    cloudevents_in_structured_mode
                    cloudevents_in_binary_mode
                    the_envelopes_of_others
                    odd_values_of_headers
                    odd_names_of_headers
                    long_headers_and_many
                    bodies_of_every_kind
                    odd_ids_and_keys
                ]
                Shared refusals: [
                    a_message_that_is_too_large_is_refused
                    a_message_just_below_the_limit_is_taken
                    a_place_that_is_not_there_is_missing
                    places_are_proved_at_the_start
                ]
                Shared repetition: [
                    the_same_message_twice
                    an_id_with_another_body_is_not_lost
                ]
                Shared cancellation: [
                    a_call_is_dropped_at_each_await
                    hundreds_are_dropped_at_once
                ]
                Own outages: [
                    an_outage_is_told_and_ends
                    nothing_acknowledged_is_lost
                ]
            ]);
            $crate::__broker_side!($open, sources: [
                Shared order: [
                    a_lane_keeps_its_order
                    several_lanes_are_received_at_once
                    messages_come_while_others_are_sent
                    a_silent_lane_holds_up_no_other
                    a_source_says_what_it_is
                ]
                Shared missing: [
                    a_source_without_its_place_says_so
                ]
                Shared waiting: [
                    a_limit_is_kept
                    who_waits_is_woken
                    a_dropped_call_loses_nothing
                    a_dropped_wait_hides_no_message
                ]
                Shared redelivery: [
                    what_was_not_acknowledged_comes_again
                    each_lane_comes_again_in_order
                    what_was_acknowledged_does_not_come_again
                    a_prefix_is_acknowledged
                    a_prefix_over_several_lanes
                    a_receiver_that_keeps_ending_gets_through
                ]
                Shared take_over: [
                    the_next_begins_where_the_last_acknowledged
                    an_old_acknowledgement_moves_nothing
                    the_end_of_the_old_one_disturbs_nobody
                    an_old_receiver_takes_nothing_away
                    many_take_over_in_a_row
                ]
                Shared groups: [
                    each_group_gets_everything
                    groups_are_independent
                ]
                Shared parts: [
                    parts_share_the_lanes
                    parts_are_independent
                    more_parts_than_lanes
                    a_group_is_cut_anew
                ]
                Shared slow: [
                    a_slow_consumer_is_bounded
                    large_messages_come_in_order
                ]
                Own outages: [
                    a_receiver_goes_on_after_an_outage
                    an_outage_in_the_middle_loses_nothing
                    an_acknowledgement_in_an_outage_is_not_forgotten
                    a_source_opens_after_an_outage
                ]
            ]);
        }
    };
}

/// The tests of publishers, or those of sources.
#[doc(hidden)]
#[macro_export]
macro_rules! __broker_side {
    ($open:expr, $side:ident: [$($wanted:ident $topic:ident: $cases:tt)*]) => {
        mod $side {
            #[allow(unused_imports)]
            use super::*;

            $($crate::__broker_topic!($open, $wanted, $side::$topic: $cases);)*
        }
    };
}

/// The tests of one topic.
#[doc(hidden)]
#[macro_export]
macro_rules! __broker_topic {
    ($open:expr, $wanted:ident, $side:ident::$topic:ident: [$($case:ident)*]) => {
        mod $topic {
            #[allow(unused_imports)]
            use super::*;

            $(
                #[test]
                fn $case() {
                    $crate::brokers::run(
                        &|| ::std::boxed::Box::pin(async {
                            let subject = ($open)($crate::Wanted::$wanted).await;
                            ::std::sync::Arc::new(subject) as _
                        }),
                        ::std::concat!(::std::module_path!(), "::", ::std::stringify!($case)),
                        |scene| ::std::boxed::Box::pin(
                            $crate::brokers::$side::$topic::$case(scene),
                        ),
                    );
                }
            )*
        }
    };
}

#[cfg(test)]
mod tests;
