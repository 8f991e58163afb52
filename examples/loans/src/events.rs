//! What happens to a loan application: its own states, the offers made to the customer, and the
//! work of the people who handle it. All of it stands in one stream, `loan-<case>`.
//!
//! Who did it is in the envelope (`actor`), and when it happened as well (`occurred_at`).

use annals::{Date, Event, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Every event of a loan.
#[derive(Event, Debug, Clone, PartialEq)]
#[event(transparent)]
pub(crate) enum LoanEvent {
    Application(ApplicationEvent),
    Offer(OfferEvent),
    Work(WorkEvent),
}

/// The application moves from state to state.
#[derive(Event, Debug, Clone, PartialEq)]
#[event(prefix = "application")]
pub(crate) enum ApplicationEvent {
    /// The customer asked for an amount.
    Submitted {
        amount_eur: u32,
        registered_at: Timestamp,
    },
    /// The form came in by the web, and parts of it may be missing.
    PartlySubmitted,
    /// The first check found nothing against it.
    Preaccepted,
    /// It is complete, and an offer can be made.
    Accepted,
    /// The offer is ready to be sent.
    Finalized,
    Approved,
    Registered,
    /// The money is paid out.
    Activated,
    Declined,
    Cancelled,
}

/// An offer to the customer; an application can have several.
#[derive(Event, Debug, Clone, PartialEq)]
#[event(prefix = "offer")]
pub(crate) enum OfferEvent {
    Selected,
    Created,
    Sent,
    /// The customer returned it, signed or with questions.
    SentBack,
    Accepted,
    Cancelled,
    Declined,
}

/// A work item: put on somebody's list, taken up, put down. `day` is the day by the office's own
/// clock, which the instant in the envelope does not tell.
#[derive(Event, Debug, Clone, PartialEq)]
#[event(prefix = "work")]
pub(crate) enum WorkEvent {
    Scheduled { task: Task, day: Date },
    Started { task: Task, day: Date },
    Completed { task: Task, day: Date },
}

/// What there is to do.
#[derive(Serialize, Deserialize, JsonSchema, Debug, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Task {
    HandleLead,
    CompleteApplication,
    CallAboutOffer,
    ChaseMissingPapers,
    AssessFraud,
    ValidateApplication,
    ChangeContract,
}

impl Task {
    /// The name in tables.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::HandleLead => "handle lead",
            Self::CompleteApplication => "complete application",
            Self::CallAboutOffer => "call about offer",
            Self::ChaseMissingPapers => "chase missing papers",
            Self::AssessFraud => "assess fraud",
            Self::ValidateApplication => "validate application",
            Self::ChangeContract => "change contract",
        }
    }
}
