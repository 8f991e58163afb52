//! Brokers that each break one promise, and the cases that notice.

mod publisher;
mod source;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use annals_outbox::{Address, Publisher, Source};
use async_trait::async_trait;

use self::publisher::FlawedPublisher;
use self::source::FlawedSource;
use crate::brokers::{
    Abilities, BrokerSubject, Case, MemoryBrokerSubject, Opening, Place, Wanted, publishers,
    run_within, sources,
};

/// What a broker does wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flaw {
    /// Nothing: the cases that notice the others let it pass.
    None,
    /// Says that each seventh message is stored, and does not store it.
    StoresLess,
    /// Stores messages a moment after it has said so.
    StoresLater,
    /// Cuts spaces from values of headers.
    TrimsHeaders,
    /// Carries headers as the attributes of a CloudEvent.
    MixesHeaders,
    /// Refuses what is too large without saying how large it is.
    SaysNoSize,
    /// Takes whatever has a known id for a repetition.
    TrustsIds,
    /// Waits while the broker is down.
    HangsWhenDown,
    /// Loses what a dropped call has received.
    LosesWhatWasDropped,
    /// Hands out twice as many messages as were asked for.
    IgnoresLimits,
    /// Acknowledges everything that was handed out.
    AcknowledgesAll,
    /// Acknowledges before anybody asks.
    AcknowledgesEarly,
    /// Acknowledges nothing.
    AcknowledgesNothing,
    /// Lets every receiver acknowledge.
    ObeysTheOld,
    /// Has one group for all.
    MixesGroups,
    /// Gives each part everything.
    IgnoresParts,
    /// Hands out messages in the other order.
    TurnsAround,
    /// Hands out each message twice.
    Doubles,
    /// Returns when there is nothing.
    ReturnsNothing,
    /// Begins its numbers anew after it was down.
    CountsAnew,
}

struct Flawed {
    broker: MemoryBrokerSubject,
    flaw: Flaw,
}

#[async_trait]
impl BrokerSubject for Flawed {
    fn abilities(&self) -> Abilities {
        self.broker.abilities()
    }

    async fn make(&self, place: &Place) {
        self.broker.make(place).await;
    }

    async fn publisher(&self) -> Arc<dyn Publisher> {
        Arc::new(FlawedPublisher::new(self.broker.publisher().await, self.flaw))
    }

    async fn source(&self, place: &Place) -> Arc<dyn Source> {
        Arc::new(FlawedSource { source: self.broker.source(place).await, flaw: self.flaw })
    }

    fn address(&self, place: &Place, key: &str) -> Address {
        self.broker.address(place, key)
    }

    async fn stop(&self) {
        self.broker.stop().await;
    }

    async fn start(&self) {
        self.broker.start().await;
    }
}

/// Runs a case on a broker with a flaw. Whether it passes.
fn passes(flaw: Flaw, case: Case) -> bool {
    let open = || -> Opening {
        Box::pin(async move {
            let broker = MemoryBrokerSubject::open(Wanted::Own).await;
            Arc::new(Flawed { broker, flaw }) as Arc<dyn BrokerSubject>
        })
    };
    // What a broker in memory does not have by then never comes; a busy machine takes its time.
    let patience = Duration::from_secs(if flaw == Flaw::None { 30 } else { 1 });
    let ran = AssertUnwindSafe(|| run_within(patience, &open, "brokers::a_flaw", case));
    catch_unwind(ran).is_ok()
}

macro_rules! flaws {
    ($($test:ident: $flaw:ident in $side:ident::$topic:ident::[$($case:ident)*];)*) => {
        $(
            #[test]
            fn $test() {
                $(
                    let unnoticed = passes(Flaw::$flaw, |scene| Box::pin($side::$topic::$case(scene)));
                    let case = stringify!($case);
                    assert!(!unnoticed, "`{case}` does not notice a broker that {:?}", Flaw::$flaw);
                )*
            }
        )*

        /// What notices a flaw notices nothing where there is none.
        mod without_a_flaw {
            use super::*;

            $(
                #[test]
                fn $test() {
                    $(
                        let case: Case = |scene| Box::pin($side::$topic::$case(scene));
                        assert!(passes(Flaw::None, case), "`{}` fails", stringify!($case));
                    )*
                }
            )*
        }
    };
}

flaws! {
    what_is_not_stored: StoresLess in publishers::order::[
        what_is_acknowledged_is_received
        order_per_key_with_many_at_once
        hundreds_at_once
    ];
    what_is_lost_in_an_outage: StoresLess in publishers::outages::[nothing_acknowledged_is_lost];
    what_is_stored_later: StoresLater in publishers::order::[order_per_key_with_many_at_once];
    headers_that_are_trimmed: TrimsHeaders in publishers::contents::[odd_values_of_headers];
    headers_that_are_mixed: MixesHeaders in publishers::contents::[
        odd_names_of_headers
        the_envelopes_of_others
    ];
    words_without_a_size: SaysNoSize in publishers::refusals::[
        a_message_that_is_too_large_is_refused
    ];
    ids_that_are_trusted: TrustsIds in publishers::repetition::[an_id_with_another_body_is_not_lost];
    an_outage_that_is_waited_for: HangsWhenDown in publishers::outages::[an_outage_is_told_and_ends];
    what_a_dropped_call_had: LosesWhatWasDropped in sources::waiting::[a_dropped_call_loses_nothing];
    limits_that_are_not_kept: IgnoresLimits in sources::waiting::[a_limit_is_kept];
    more_acknowledged_than_asked: AcknowledgesAll in sources::redelivery::[
        a_prefix_is_acknowledged
        a_prefix_over_several_lanes
    ];
    acknowledged_before_the_effect: AcknowledgesEarly in sources::redelivery::[
        what_was_not_acknowledged_comes_again
        each_lane_comes_again_in_order
        a_receiver_that_keeps_ending_gets_through
    ];
    taken_over_after_it_was_acknowledged_early: AcknowledgesEarly in sources::take_over::[
        the_next_begins_where_the_last_acknowledged
        the_end_of_the_old_one_disturbs_nobody
        many_take_over_in_a_row
    ];
    never_acknowledged: AcknowledgesNothing in sources::redelivery::[
        what_was_acknowledged_does_not_come_again
        a_prefix_is_acknowledged
    ];
    acknowledged_in_vain_in_an_outage: AcknowledgesNothing in sources::outages::[
        an_acknowledgement_in_an_outage_is_not_forgotten
    ];
    the_old_one_is_obeyed: ObeysTheOld in sources::take_over::[
        an_old_acknowledgement_moves_nothing
        an_old_receiver_takes_nothing_away
    ];
    groups_that_are_one: MixesGroups in sources::groups::[
        each_group_gets_everything
        groups_are_independent
    ];
    parts_that_are_the_whole: IgnoresParts in sources::parts::[
        parts_share_the_lanes
        parts_are_independent
        more_parts_than_lanes
        a_group_is_cut_anew
    ];
    the_other_order: TurnsAround in sources::order::[
        a_lane_keeps_its_order
        several_lanes_are_received_at_once
    ];
    everything_twice: Doubles in sources::order::[
        a_lane_keeps_its_order
        messages_come_while_others_are_sent
    ];
    answers_without_messages: ReturnsNothing in sources::waiting::[
        who_waits_is_woken
        a_dropped_wait_hides_no_message
    ];
    numbers_that_begin_anew: CountsAnew in sources::outages::[a_receiver_goes_on_after_an_outage];
}
