//! The last answers, for requests that come again.

use std::collections::{HashMap, VecDeque};

use annals_core::Fingerprint;

use super::wire::Said;

/// How much is remembered, in bytes of ids and bodies.
const MOST_BYTES: usize = 16 << 20;

/// What was said to the last requests, the oldest forgotten first.
#[derive(Debug)]
pub(super) struct Answers {
    most: usize,
    bytes: usize,
    by_id: HashMap<String, (Fingerprint, Said)>,
    oldest_first: VecDeque<String>,
}

/// What is known of a request.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Known {
    /// Nothing.
    New,
    /// What was said.
    Said(Said),
    /// Its id was another request's.
    Another,
}

impl Answers {
    pub(super) fn new(most: usize) -> Self {
        Self { most, bytes: 0, by_id: HashMap::new(), oldest_first: VecDeque::new() }
    }

    pub(super) fn of(&self, id: &str, body: &Fingerprint) -> Known {
        match self.by_id.get(id) {
            None => Known::New,
            Some((known, said)) if known == body => Known::Said(said.clone()),
            Some(_) => Known::Another,
        }
    }

    pub(super) fn remember(&mut self, id: &str, body: Fingerprint, said: Said) {
        let bytes = id.len() + said.body().len();
        if self.by_id.contains_key(id) || self.most == 0 || bytes > MOST_BYTES {
            return;
        }
        self.bytes += bytes;
        self.by_id.insert(id.to_owned(), (body, said));
        self.oldest_first.push_back(id.to_owned());
        while self.oldest_first.len() > self.most || self.bytes > MOST_BYTES {
            let Some(oldest) = self.oldest_first.pop_front() else { break };
            if let Some((_, said)) = self.by_id.remove(&oldest) {
                self.bytes -= oldest.len() + said.body().len();
            }
        }
    }
}
