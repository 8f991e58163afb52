//! One question over HTTP at a time: bounded in time and in memory, and a connection of its own.

mod target;
mod tls;

use std::fmt;
use std::path::Path;
use std::sync::OnceLock;
use std::time::Duration;

use annals_core::store::BoxError;
use bytes::Bytes;
use http_body_util::{BodyExt, Empty, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::header::{ACCEPT, AUTHORIZATION, CONNECTION, HOST, HeaderMap, HeaderValue, USER_AGENT};
use hyper::rt::{Read, Write};
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

pub(crate) use target::Target;

/// Options that can never work.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{why}")]
pub struct InvalidOptions {
    why: String,
}

impl InvalidOptions {
    pub(crate) fn new(why: impl Into<String>) -> Self {
        Self { why: why.into() }
    }
}

/// How another service is asked.
#[derive(Clone)]
pub(crate) struct Client {
    pub(crate) target: Target,
    /// `Bearer …`, marked as a secret.
    authorization: Option<HeaderValue>,
    pub(crate) connect_within: Duration,
    pub(crate) answer_within: Duration,
    pub(crate) most_bytes: usize,
    /// What checks the server; by whom the system trusts unless it was made before.
    tls: OnceLock<TlsConnector>,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("target", &self.target).finish_non_exhaustive()
    }
}

/// What came back.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// Ends with whoever asked.
struct Connection(tokio::task::JoinHandle<()>);

impl Drop for Connection {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Client {
    pub(crate) fn new(target: Target) -> Self {
        Self {
            target,
            authorization: None,
            connect_within: Duration::from_secs(5),
            answer_within: Duration::from_secs(60),
            most_bytes: 64 << 20,
            tls: OnceLock::new(),
        }
    }

    /// Says this token with every question.
    pub(crate) fn token(mut self, token: &str) -> Result<Self, InvalidOptions> {
        let value = HeaderValue::from_str(&format!("Bearer {token}"));
        let mut value = value.map_err(|_| {
            InvalidOptions::new(
                "a token consists of visible ASCII characters, and this one does not",
            )
        })?;
        value.set_sensitive(true);
        self.authorization = Some(value);
        Ok(self)
    }

    /// A text, without the token should it be in it.
    pub(crate) fn without_token(&self, text: &str) -> String {
        let said = self.authorization.as_ref().and_then(|value| value.to_str().ok());
        match said.and_then(|said| said.strip_prefix("Bearer ")).filter(|token| !token.is_empty()) {
            Some(token) => text.replace(token, "…"),
            None => text.to_owned(),
        }
    }

    /// Trusts those whose certificates stand in a PEM file, and nobody else.
    pub(crate) fn ca_file(mut self, file: &Path) -> Result<Self, InvalidOptions> {
        self.tls = OnceLock::from(tls::connector(Some(file))?);
        Ok(self)
    }

    /// What comes back for a path, within the time limits.
    ///
    /// # Errors
    /// What happened. It says nothing about the token.
    pub(crate) async fn get(&self, path: &str, accept: &str) -> Result<Answer, BoxError> {
        let answered = timeout(self.answer_within, self.ask(path, accept)).await;
        answered.unwrap_or_else(|_| {
            Err(format!("the whole answer did not come within {:?}", self.answer_within).into())
        })
    }

    async fn ask(&self, path: &str, accept: &str) -> Result<Answer, BoxError> {
        let mut request = Request::get(self.target.path(path))
            .header(HOST, self.target.authority())
            .header(ACCEPT, accept)
            .header(CONNECTION, "close")
            .header(USER_AGENT, concat!("annals/", env!("CARGO_PKG_VERSION")))
            .body(Empty::<Bytes>::new())?;
        if let Some(authorization) = &self.authorization {
            request.headers_mut().insert(AUTHORIZATION, authorization.clone());
        }
        let connected = timeout(self.connect_within, self.connect()).await;
        let connected = connected.unwrap_or_else(|_| {
            Err(format!("no connection within {:?}", self.connect_within).into())
        })?;
        let response = match connected {
            Connected::Plain(stream) => exchange(TokioIo::new(stream), request).await?,
            Connected::Tls(stream) => exchange(TokioIo::new(stream), request).await?,
        };
        let (_connection, response) = response;
        let (parts, body) = response.into_parts();
        let body = Limited::new(body, self.most_bytes).collect().await.map_err(|error| {
            match error.is::<LengthLimitError>() {
                true => format!("the answer has more than {} bytes", self.most_bytes).into(),
                false => error,
            }
        })?;
        Ok(Answer { status: parts.status, headers: parts.headers, body: body.to_bytes() })
    }

    async fn connect(&self) -> Result<Connected, BoxError> {
        let stream = TcpStream::connect((self.target.host(), self.target.port())).await?;
        stream.set_nodelay(true)?;
        let Some(name) = self.target.tls_name() else { return Ok(Connected::Plain(stream)) };
        let connector = match self.tls.get() {
            Some(connector) => connector,
            None => {
                let made = tls::connector(None)?;
                self.tls.get_or_init(|| made)
            }
        };
        Ok(Connected::Tls(Box::new(connector.connect(name, stream).await?)))
    }
}

enum Connected {
    Plain(TcpStream),
    Tls(Box<tokio_rustls::client::TlsStream<TcpStream>>),
}

async fn exchange(
    stream: impl Read + Write + Send + Unpin + 'static,
    request: Request<Empty<Bytes>>,
) -> Result<(Connection, Response<Incoming>), BoxError> {
    let (mut sender, connection) = hyper::client::conn::http1::handshake(stream).await?;
    // How it ends is told to whoever waits for the answer.
    let connection = Connection(tokio::spawn(async move { drop(connection.await) }));
    Ok((connection, sender.send_request(request).await?))
}
