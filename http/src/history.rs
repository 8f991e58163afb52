//! A public log that another service serves.

use std::fmt;
use std::path::Path;
use std::time::Duration;

use annals_core::Position;
use annals_outbox::{History, HistoryError, HistoryPage};
use async_trait::async_trait;
use hyper::StatusCode;
use hyper::header::{CONTENT_TYPE, HeaderMap};

use crate::client::{Answer, Client, InvalidOptions, Target};
use crate::lines::{self, Beside, END, EVENTS, NDJSON, NEXT};
use crate::problem::{PROBLEM_JSON, Problem};

/// How many characters of what a service says about a problem are shown.
const MOST_SHOWN: usize = 500;

/// The history that another service serves as its [public log](crate::public_log).
///
/// Every page is asked for on a connection of its own. Redirections are not followed. What it says about itself
/// and about failures never shows the token.
///
/// ```
/// use std::net::SocketAddr;
/// use std::sync::Arc;
///
/// use annals_core::store::{Append, EventStore};
/// use annals_core::{Event, ExpectedVersion, MemoryStore, NewEvent, Position, Recorded, StreamId};
/// use annals_http::{Access, HttpHistory, public_log};
/// use annals_outbox::{Address, History, PublicLog, Route};
///
/// #[derive(Event)]
/// #[event(prefix = "order", crate = annals_core)]
/// enum OrderEvent { Placed { cents: i64 } }
///
/// /// What other services are told.
/// #[derive(Event)]
/// #[event(prefix = "shop.order", crate = annals_core)]
/// enum OrderFact { Placed { cents: i64 } }
///
/// struct Orders;
///
/// impl Route for Orders {
///     type Event = OrderEvent;
///     type Public = OrderFact;
///     const NAME: &'static str = "orders-out";
///
///     fn source(&self) -> String {
///         "/shop".to_owned()
///     }
///
///     fn places(&self) -> Vec<Address> {
///         vec![Address::new("orders")]
///     }
///
///     fn publish(&self, event: &Recorded<OrderEvent>) -> Vec<OrderFact> {
///         let OrderEvent::Placed { cents } = event.data;
///         vec![OrderFact::Placed { cents }]
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let store = MemoryStore::default();
/// let placed = NewEvent::of(&OrderEvent::Placed { cents: 500 })?;
/// store.append(Append::to(StreamId::new("order", 17)?, ExpectedVersion::Any, vec![placed])).await?;
///
/// // The owner's side.
/// let log = PublicLog::new(Orders, Arc::new(store));
/// let router = public_log(log, Access::token("a long one of random characters"));
/// let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
/// let address = listener.local_addr()?;
/// let service = router.into_make_service_with_connect_info::<SocketAddr>();
/// tokio::spawn(async move { axum::serve(listener, service).await });
///
/// // The other side: to be handed to `Inbound::history`.
/// let history = HttpHistory::new(&format!("http://{address}"))?.token("a long one of random characters")?;
/// let page = history.page(Position::START, 100).await?;
/// assert_eq!((page.messages.len(), page.at_end), (1, true));
/// assert_eq!(page.messages[0].1.key, "order-17");
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct HttpHistory {
    client: Client,
    origin: String,
}

impl fmt::Debug for HttpHistory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpHistory").field("origin", &self.origin).finish_non_exhaustive()
    }
}

impl HttpHistory {
    /// The public log of the service at a URL, such as `https://bank.example` or `http://10.0.0.7:8080/api`:
    /// `/events` is put behind it. Nothing is asked yet.
    ///
    /// # Errors
    /// What is wrong with the URL.
    pub fn new(url: &str) -> Result<Self, InvalidOptions> {
        let target = Target::parse(url)?;
        let origin = format!("{}/events", target.url());
        Ok(Self { client: Client::new(target), origin })
    }

    /// Says this token with every question. Over `http://` everybody on the way can read it.
    ///
    /// # Errors
    /// That it cannot be a token.
    pub fn token(self, token: &str) -> Result<Self, InvalidOptions> {
        Ok(Self { client: self.client.token(token)?, ..self })
    }

    /// Trusts those whose certificates stand in a PEM file, and not those whom the system trusts.
    ///
    /// # Errors
    /// What is wrong with the file.
    pub fn ca_file(self, file: impl AsRef<Path>) -> Result<Self, InvalidOptions> {
        Ok(Self { client: self.client.ca_file(file.as_ref())?, ..self })
    }

    /// How long a connection may take to be made. Default 5 s.
    #[must_use]
    pub fn connect_within(mut self, connect_within: Duration) -> Self {
        self.client.connect_within = connect_within;
        self
    }

    /// How long a page may take to come, all of it. Default 60 s.
    #[must_use]
    pub fn answer_within(mut self, answer_within: Duration) -> Self {
        self.client.answer_within = answer_within;
        self
    }

    /// How large a page may be, in bytes. Default 64 MiB, which is more than the owner sends unless one event
    /// became that much.
    #[must_use]
    pub fn at_most_bytes(mut self, most_bytes: usize) -> Self {
        self.client.most_bytes = most_bytes;
        self
    }
}

#[async_trait]
impl History for HttpHistory {
    fn origin(&self) -> &str {
        &self.origin
    }

    async fn page(&self, after: Position, limit: usize) -> Result<HistoryPage, HistoryError> {
        let path = format!("/events?after={after}&limit={}", limit.clamp(1, 10_000));
        let accept = format!("{NDJSON}, {PROBLEM_JSON}");
        let answer = self.client.get(&path, &accept).await.map_err(HistoryError::down)?;
        if answer.status != StatusCode::OK {
            return Err(self.refusal(&answer));
        }
        let beside = beside(&answer.headers).map_err(|why| HistoryError::Refused { why })?;
        lines::read(after, beside, &answer.body).map_err(HistoryError::down)
    }
}

impl HttpHistory {
    fn refusal(&self, answer: &Answer) -> HistoryError {
        let status = answer.status;
        let is_problem = has_type(&answer.headers, PROBLEM_JSON);
        let problem =
            is_problem.then(|| serde_json::from_slice::<Problem>(&answer.body).ok()).flatten();
        let said = problem.map(|problem| self.client.without_token(&problem.detail));
        let said = said.map_or_else(String::new, |said| {
            let shown = said.chars().filter(|letter| !letter.is_control()).take(MOST_SHOWN);
            format!(": {}", shown.collect::<String>())
        });
        match status {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => HistoryError::Refused {
                why: format!("it does not let this service in ({status}){said}"),
            },
            StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS => {
                HistoryError::down(format!("it answers {status}{said}"))
            }
            // What it cannot tell, and not that it is down.
            StatusCode::INTERNAL_SERVER_ERROR if is_problem => {
                HistoryError::Refused { why: format!("it answers {status}{said}") }
            }
            status if status.is_server_error() => {
                HistoryError::down(format!("it answers {status}{said}"))
            }
            status => HistoryError::Refused { why: format!("it answers {status}{said}") },
        }
    }
}

fn has_type(headers: &HeaderMap, media: &str) -> bool {
    let found = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    found.is_some_and(|found| found.split(';').next().is_some_and(|one| one.trim() == media))
}

fn beside(headers: &HeaderMap) -> Result<Beside, String> {
    if !has_type(headers, NDJSON) {
        return Err(format!(
            "what answers there is no public log: its answer is not of type `{NDJSON}`"
        ));
    }
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let missing =
        |name: &str| format!("what answers there is no public log: it does not say `{name}`");
    let number = |name: &str| text(name).and_then(|text| text.parse::<u64>().ok());
    let end = text(END).and_then(|text| text.parse().ok());
    let events = number(EVENTS).and_then(|events| usize::try_from(events).ok());
    Ok(Beside {
        next: Position::new(number(NEXT).ok_or_else(|| missing(NEXT))?),
        at_end: end.ok_or_else(|| missing(END))?,
        events: events.ok_or_else(|| missing(EVENTS))?,
    })
}
