//! The public log, served.

use std::sync::Arc;
use std::time::Duration;

use annals_core::Position;
use annals_outbox::{History, HistoryError, HistoryPage, PublicLog};
use axum::Router;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::http::{StatusCode, Uri};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::access::{Access, guard};
use crate::lines::{self, END, EVENTS, NDJSON, NEXT};
use crate::problem::Problem;

/// How many events of the log are asked for at the most, and when nothing is said.
const MOST: usize = 10_000;
const USUAL: usize = 1_000;

/// How many answers are made at once: each takes memory, and reads from the store of the owner.
const AT_ONCE: usize = 4;

/// How long an answer may take to make, with the wait for its turn.
const WITHIN: Duration = Duration::from_secs(20);

/// Serves a public log as `GET /events`, as the [crate](crate#the-public-log) describes it, to those who are let
/// in. The router can be merged into others or nested.
///
/// ```no_run
/// use std::net::SocketAddr;
/// use std::sync::Arc;
///
/// use annals_http::{Access, public_log};
/// use annals_outbox::PublicLog;
/// # use annals_core::{Event, MemoryStore, Recorded};
/// # use annals_outbox::{Address, Route};
/// # #[derive(Event)]
/// # #[event(prefix = "order", crate = annals_core)]
/// # enum OrderEvent { Placed { cents: i64 } }
/// # struct Orders;
/// # impl Route for Orders {
/// #     type Event = OrderEvent;
/// #     type Public = OrderEvent;
/// #     const NAME: &'static str = "orders-out";
/// #     fn source(&self) -> String { "/shop".to_owned() }
/// #     fn places(&self) -> Vec<Address> { vec![Address::new("orders")] }
/// #     fn publish(&self, _: &Recorded<OrderEvent>) -> Vec<OrderEvent> { vec![] }
/// # }
///
/// # async fn serve(store: MemoryStore) -> std::io::Result<()> {
/// let log = PublicLog::new(Orders, Arc::new(store));
/// let router = public_log(log, Access::token(std::env::var("PUBLIC_LOG_TOKEN").unwrap_or_default()));
/// let listener = tokio::net::TcpListener::bind("0.0.0.0:8080").await?;
/// axum::serve(listener, router.into_make_service_with_connect_info::<SocketAddr>()).await
/// # }
/// ```
pub fn public_log(log: PublicLog, access: Access) -> Router {
    let served = Served { log, turns: Arc::new(Semaphore::new(AT_ONCE)) };
    Router::new()
        .route("/events", get(events))
        .route_layer(from_fn_with_state(access, guard))
        .with_state(served)
}

#[derive(Clone)]
struct Served {
    log: PublicLog,
    turns: Arc<Semaphore>,
}

async fn events(State(served): State<Served>, uri: Uri) -> Result<Response, Problem> {
    let (after, limit) = asked(uri.query().unwrap_or_default())?;
    let read = timeout(WITHIN, async {
        let _turn = served.turns.acquire().await.map_err(HistoryError::down)?;
        served.log.page(after, limit).await
    });
    match read.await {
        Ok(Ok(page)) => Ok(answer(&page)),
        Ok(Err(error)) => Err(problem(&error)),
        Err(_) => {
            let detail = format!("the log was not read within {} s", WITHIN.as_secs());
            Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, detail))
        }
    }
}

/// The position and the limit. Parameters that are not known say nothing.
fn asked(query: &str) -> Result<(Position, usize), Problem> {
    let bad = |detail: String| Problem::new(StatusCode::BAD_REQUEST, detail);
    let (mut after, mut limit) = (Position::START, USUAL);
    for pair in query.split('&') {
        match pair.split_once('=') {
            Some(("after", text)) => {
                let number = text.parse::<u64>().ok().filter(|number| *number <= i64::MAX as u64);
                let wrong =
                    || bad("`after` is a position: 0, or what `annals-next` said".to_owned());
                after = Position::new(number.ok_or_else(wrong)?);
            }
            Some(("limit", text)) => {
                let number = text.parse().ok().filter(|number| (1..=MOST).contains(number));
                limit = number.ok_or_else(|| bad(format!("`limit` is 1 to {MOST}")))?;
            }
            _ => {}
        }
    }
    Ok((after, limit))
}

fn answer(page: &HistoryPage) -> Response {
    let beside = [
        (CONTENT_TYPE.as_str(), NDJSON.to_owned()),
        (NEXT, page.next.to_string()),
        (END, page.at_end.to_string()),
        (EVENTS, page.messages.len().to_string()),
    ];
    (beside, lines::write(&page.messages)).into_response()
}

fn problem(error: &HistoryError) -> Problem {
    match error {
        HistoryError::Beyond { .. } => Problem::new(StatusCode::CONFLICT, error.to_string()),
        HistoryError::Refused { why } => {
            Problem::new(StatusCode::INTERNAL_SERVER_ERROR, why.clone())
        }
        error => {
            // What a store says is for those who run it.
            tracing::warn!(%error, "the public log cannot be read");
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, "the log cannot be read now")
        }
    }
}
