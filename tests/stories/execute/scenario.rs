//! The testkit's own promises: a scenario that does not hold says why.

use std::panic::{AssertUnwindSafe, catch_unwind};

use annals_core::{Command, Decide, DecisionContext};
use annals_testkit::{Decided, Scenario};

use crate::bank::{Account, AccountError, AccountEvent, Deposited, Opened, Withdrawn};

#[derive(Command)]
#[command(aggregate = Account, crate = annals_core)]
struct Stamp;

impl Decide<Stamp> for Account {
    fn decide(
        &self,
        _: &Stamp,
        context: &DecisionContext,
    ) -> Result<Vec<AccountEvent>, AccountError> {
        let owner = format!("{} at {}", context.new_id().as_u128(), context.now());
        Ok(vec![Opened { owner }])
    }
}

fn rich() -> Scenario<Account> {
    Scenario::given([Deposited { cents: 10 }, Deposited { cents: 5 }])
}

fn withdraw(cents: i64) -> Decided<Account> {
    rich().when(move |account: &Account| account.withdraw(cents))
}

#[test]
fn what_holds_is_silent() {
    withdraw(15).then([Withdrawn { cents: 15 }]);
    withdraw(16).then_error(AccountError::Insufficient { left: 15 });
    withdraw(16).then_error_matching(|error| error.to_string().contains("15"));
    rich().when(|_: &Account| Ok(vec![])).then_nothing();
    Scenario::<Account>::given([])
        .when(|account: &Account| account.withdraw(0))
        .then([Withdrawn { cents: 0 }]);
}

#[test]
fn a_command_sees_the_time_and_the_ids_of_the_scenario() {
    let leap_day = "2024-02-29T00:00:00Z".parse().expect("a timestamp");
    let owner = "1 at 2024-02-29T00:00:00Z".to_owned();
    rich().at(leap_day).when(&Stamp).then([Opened { owner: owner.clone() }]);
    rich().at(leap_day).when(Stamp).then([Opened { owner }]);
}

#[test]
fn other_events_are_shown_as_a_difference() {
    let wrong = message(|| {
        let twice = |account: &Account| account.withdraw(1).map(|event| [event.clone(), event]);
        rich().when(twice).then([Withdrawn { cents: 1 }, Withdrawn { cents: 2 }]);
    });
    for part in [
        "given\n  Deposited { cents: 10 }\n  Deposited { cents: 5 }\n",
        "  Withdrawn { cents: 1 }\n- Withdrawn { cents: 2 }\n+ Withdrawn { cents: 1 }\n",
    ] {
        assert!(wrong.contains(part), "{wrong}");
    }
}

#[test]
fn a_refusal_in_place_of_events_is_shown_and_the_other_way_round() {
    let refused = message(|| withdraw(16).then([Withdrawn { cents: 16 }]));
    assert!(refused.contains("- Withdrawn { cents: 16 }\n+ the refusal Insufficient { left: 15 }"));
    let decided = message(|| withdraw(1).then_error(AccountError::Insufficient { left: 15 }));
    assert!(decided.contains("- Insufficient { left: 15 }\n+ Withdrawn { cents: 1 }"));
    let other = message(|| withdraw(16).then_error(AccountError::Insufficient { left: 0 }));
    assert!(other.contains("- Insufficient { left: 0 }\n+ Insufficient { left: 15 }"));
    let nothing = message(|| withdraw(1).then_nothing());
    assert!(nothing.contains("+ Withdrawn { cents: 1 }"));
}

#[test]
fn an_event_that_breaks_its_schema_is_noticed() {
    let given = message(|| {
        let _ = Scenario::<Account>::given([Deposited { cents: 0 }]);
    });
    assert!(given.contains("Deposited { cents: 0 } cannot be stored"), "{given}");
    let then = message(|| {
        rich().when(|account: &Account| account.deposit(0)).then([Deposited { cents: 0 }]);
    });
    assert!(then.contains("/cents"), "{then}");
}

/// What a scenario that does not hold says.
fn message(scenario: impl FnOnce()) -> String {
    let panic = catch_unwind(AssertUnwindSafe(scenario)).expect_err("the scenario does not hold");
    *panic.downcast::<String>().expect("a panic with a formatted message")
}
