//! Who is let in.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::{ConnectInfo, Request, State};
use axum::http::StatusCode;
use axum::http::header::{AUTHORIZATION, FORWARDED};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use subtle::ConstantTimeEq;

use crate::problem::Problem;

/// What a proxy says of whoever it asks for.
const FORWARDED_FOR: &str = "x-forwarded-for";

/// Who is let in.
#[derive(Clone)]
pub struct Access(Kind);

#[derive(Clone)]
enum Kind {
    ThisMachine,
    Token(Arc<str>),
    All,
}

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Kind::ThisMachine => "Access::this_machine()",
            Kind::Token(_) => "Access::token(…)",
            Kind::All => "Access::open_to_all()",
        })
    }
}

impl Access {
    /// Those who ask from this machine, and for nobody else: what came through a proxy that says so is refused. The
    /// router must be served with `into_make_service_with_connect_info::<SocketAddr>()`, or nobody is let in.
    pub fn this_machine() -> Self {
        Self(Kind::ThisMachine)
    }

    /// Those who say this token: `Authorization: Bearer …`. Use a long one of random characters, and TLS on the
    /// way. An empty one lets nobody in.
    pub fn token(token: impl Into<Arc<str>>) -> Self {
        Self(Kind::Token(token.into()))
    }

    /// Everybody who can reach it: because the router is wrapped into something that decides, or because the
    /// network does.
    pub fn open_to_all() -> Self {
        Self(Kind::All)
    }

    fn check(&self, request: &Request) -> Result<(), Problem> {
        match &self.0 {
            Kind::All => Ok(()),
            Kind::Token(token) => check_token(token, request),
            Kind::ThisMachine => check_peer(request),
        }
    }
}

/// Lets a request pass, or says why not.
pub(crate) async fn guard(State(access): State<Access>, request: Request, next: Next) -> Response {
    match access.check(&request) {
        Ok(()) => next.run(request).await,
        Err(problem) => problem.into_response(),
    }
}

fn check_token(token: &str, request: &Request) -> Result<(), Problem> {
    let refuse = |detail: &str| Err(Problem::new(StatusCode::UNAUTHORIZED, detail));
    let said = request.headers().get(AUTHORIZATION).map(|value| value.as_bytes());
    let Some((scheme, said)) = said.and_then(|said| said.split_at_checked("bearer ".len())) else {
        return refuse("a token is asked for: `Authorization: Bearer …`");
    };
    // How long it takes says nothing about the token but its length.
    let is_right = bool::from(said.ct_eq(token.as_bytes())) && !token.is_empty();
    match is_right && scheme.eq_ignore_ascii_case(b"bearer ") {
        true => Ok(()),
        false => refuse("the token is not the right one"),
    }
}

fn check_peer(request: &Request) -> Result<(), Problem> {
    let refuse = |detail: &str| Err(Problem::new(StatusCode::FORBIDDEN, detail));
    let Some(ConnectInfo(peer)) = request.extensions().get::<ConnectInfo<SocketAddr>>() else {
        return refuse(
            "nobody is let in, because it is not known who asks: serve the router with \
             `into_make_service_with_connect_info::<SocketAddr>()`, or give it a token",
        );
    };
    let headers = request.headers();
    let is_forwarded = headers.contains_key(FORWARDED) || headers.contains_key(FORWARDED_FOR);
    match peer.ip().to_canonical().is_loopback() && !is_forwarded {
        true => Ok(()),
        false => refuse("only those on its own machine are let in: its owner can give it a token"),
    }
}
