//! A CloudEvent with what a consumer needs to know repetitions.

use annals::Uuid;
use serde::{Deserialize, Serialize};

use crate::Failure;
use crate::domain::Movement;

/// A message as it leaves.
pub(crate) struct Sealed {
    pub(crate) id: Uuid,
    /// The stream.
    pub(crate) key: String,
    pub(crate) body: Vec<u8>,
}

#[derive(Serialize)]
struct Sealing<'a> {
    specversion: &'a str,
    id: Uuid,
    source: &'a str,
    r#type: &'a str,
    subject: &'a str,
    time: &'a str,
    datacontenttype: &'a str,
    dataschema: &'a str,
    schemaversion: &'a str,
    streamversion: String,
    route: &'a str,
    data: &'a Movement,
}

impl Sealed {
    /// Of an event as the log has it.
    pub(crate) fn new(
        id: Uuid,
        stream: &str,
        version: u64,
        time: &str,
        data: &str,
    ) -> Result<Self, Failure> {
        // What others are told is made of what is known, even where it is the same.
        let public: Movement = serde_json::from_str(data)?;
        let body = serde_json::to_vec(&Sealing {
            specversion: "1.0",
            id,
            source: "/bank",
            r#type: "bank.money.moved",
            subject: stream,
            time,
            datacontenttype: "application/json",
            dataschema: "urn:annals:schema:bank.money.moved:1",
            schemaversion: "1",
            streamversion: version.to_string(),
            route: "movements",
            data: &public,
        })?;
        Ok(Self { id, key: stream.to_owned(), body })
    }
}

#[derive(Deserialize)]
struct Opening<'a> {
    subject: &'a str,
    streamversion: &'a str,
    data: Movement,
}

/// What a consumer wants to know of it.
pub(crate) struct Event {
    pub(crate) account: Uuid,
    pub(crate) version: i64,
    pub(crate) movement: Movement,
}

impl Event {
    pub(crate) fn read(body: &[u8]) -> Result<Self, Failure> {
        let opened: Opening<'_> = serde_json::from_slice(body)?;
        let account = opened.subject.strip_prefix("account-").ok_or("of another category")?;
        Ok(Self {
            account: account.parse()?,
            version: opened.streamversion.parse()?,
            movement: opened.data,
        })
    }
}
