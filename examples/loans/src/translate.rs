//! From the names of the log, which are Dutch in part, to the events of this program.
//!
//! | log | event |
//! |---|---|
//! | `A_SUBMITTED` … `A_CANCELLED` | `application.submitted` … `application.cancelled` |
//! | `O_SELECTED` … `O_DECLINED` | `offer.selected` … `offer.declined` |
//! | `W_…` with `SCHEDULE`, `START`, `COMPLETE` | `work.scheduled`, `work.started`, `work.completed` |
//!
//! | work in the log | word for word | task |
//! |---|---|---|
//! | `W_Afhandelen leads` | handling leads | `handle_lead` |
//! | `W_Completeren aanvraag` | completing the application | `complete_application` |
//! | `W_Nabellen offertes` | calling after offers | `call_about_offer` |
//! | `W_Nabellen incomplete dossiers` | calling after incomplete files | `chase_missing_papers` |
//! | `W_Beoordelen fraude` | judging fraud | `assess_fraud` |
//! | `W_Valideren aanvraag` | validating the application | `validate_application` |
//! | `W_Wijzigen contractgegevens` | changing contract details | `change_contract` |

use annals::{Date, Timestamp};

use crate::events::{ApplicationEvent, LoanEvent, OfferEvent, Task, WorkEvent};

/// What an event needs beside its name.
pub(crate) struct Facts {
    pub(crate) amount_eur: u32,
    pub(crate) registered_at: Timestamp,
    pub(crate) day: Date,
}

/// The event of an activity and its lifecycle; `None` when the two name none.
pub(crate) fn event(activity: &str, lifecycle: &str, facts: &Facts) -> Option<LoanEvent> {
    match (activity.split_once('_')?, lifecycle) {
        (("A", state), "COMPLETE") => application(state, facts).map(LoanEvent::Application),
        (("O", state), "COMPLETE") => offer(state).map(LoanEvent::Offer),
        (("W", work), step) => {
            let (task, day) = (task(work)?, facts.day);
            let event = match step {
                "SCHEDULE" => WorkEvent::Scheduled { task, day },
                "START" => WorkEvent::Started { task, day },
                "COMPLETE" => WorkEvent::Completed { task, day },
                _ => return None,
            };
            Some(LoanEvent::Work(event))
        }
        _ => None,
    }
}

fn application(state: &str, facts: &Facts) -> Option<ApplicationEvent> {
    use ApplicationEvent::*;
    let &Facts { amount_eur, registered_at, .. } = facts;
    Some(match state {
        "SUBMITTED" => Submitted { amount_eur, registered_at },
        "PARTLYSUBMITTED" => PartlySubmitted,
        "PREACCEPTED" => Preaccepted,
        "ACCEPTED" => Accepted,
        "FINALIZED" => Finalized,
        "APPROVED" => Approved,
        "REGISTERED" => Registered,
        "ACTIVATED" => Activated,
        "DECLINED" => Declined,
        "CANCELLED" => Cancelled,
        _ => return None,
    })
}

fn offer(state: &str) -> Option<OfferEvent> {
    use OfferEvent::*;
    Some(match state {
        "SELECTED" => Selected,
        "CREATED" => Created,
        "SENT" => Sent,
        "SENT_BACK" => SentBack,
        "ACCEPTED" => Accepted,
        "CANCELLED" => Cancelled,
        "DECLINED" => Declined,
        _ => return None,
    })
}

fn task(work: &str) -> Option<Task> {
    Some(match work {
        "Afhandelen leads" => Task::HandleLead,
        "Completeren aanvraag" => Task::CompleteApplication,
        "Nabellen offertes" => Task::CallAboutOffer,
        "Nabellen incomplete dossiers" => Task::ChaseMissingPapers,
        "Beoordelen fraude" => Task::AssessFraud,
        "Valideren aanvraag" => Task::ValidateApplication,
        "Wijzigen contractgegevens" => Task::ChangeContract,
        _ => return None,
    })
}
