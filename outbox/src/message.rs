//! What travels.

use std::collections::BTreeMap;

use bytes::Bytes;

/// One message, as it goes to a broker or comes from one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Tells it from all others. When it is sent again, it is the same.
    pub id: String,
    /// By what messages are kept in order: the stream of the event, unless the route says otherwise.
    pub key: String,
    /// The media type of the body.
    pub content_type: String,
    /// The attributes of a CloudEvent in binary mode, by their plain names (`id`, `type`, …); empty in every
    /// other envelope. A broker puts its own prefix before them, as its protocol binding says.
    pub attributes: BTreeMap<String, String>,
    /// Headers, as they are. Names and values have no control characters.
    pub headers: BTreeMap<String, String>,
    /// The body.
    pub body: Bytes,
}

impl Message {
    /// How much room it takes, in bytes, without what a broker's protocol adds.
    pub fn bytes(&self) -> usize {
        let pairs = self.attributes.iter().chain(&self.headers);
        let pairs: usize = pairs.map(|(name, value)| name.len() + value.len()).sum();
        self.id.len() + self.key.len() + self.content_type.len() + pairs + self.body.len()
    }

    /// Every header that a broker is to carry beside the body: the attributes with the prefix of the
    /// broker's binding, then the others.
    pub fn all_headers<'m>(
        &'m self,
        prefix: &'m str,
    ) -> impl Iterator<Item = (String, &'m str)> + 'm {
        let attributes = self.attributes.iter();
        let attributes = attributes.map(move |(name, value)| (format!("{prefix}{name}"), &**value));
        attributes.chain(self.headers.iter().map(|(name, value)| (name.clone(), &**value)))
    }
}
