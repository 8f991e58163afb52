//! Where the messages of a PostgreSQL server begin and end in what it sends, so that a proxy can leave some
//! of them out. There is no way to look into what is encrypted.

/// The kind of a message that tells of a `NOTIFY`.
pub(super) const NOTIFICATION: u8 = b'A';

/// The kind of a message and its length, which counts itself and what follows.
pub(super) const HEAD_BYTES: usize = 5;

/// How far the messages of one connection have been looked at.
#[derive(Default)]
pub(super) struct Messages {
    /// What has come of the head of the next message.
    head: Vec<u8>,
    /// How much is still to come of the message that has begun.
    left: usize,
    /// Whether that message is passed on.
    passing: bool,
}

impl Messages {
    /// What comes next without the messages of a kind, and how many of those have begun in it. A head
    /// that is cut in two is kept back until the rest of it has come.
    pub(super) fn without(&mut self, kind: u8, mut next: &[u8]) -> (Vec<u8>, usize) {
        let (mut kept, mut left_out) = (Vec::with_capacity(next.len() + HEAD_BYTES), 0);
        while let Some(first) = next.first() {
            if self.left > 0 {
                let (of_this, rest) = next.split_at(self.left.min(next.len()));
                if self.passing {
                    kept.extend_from_slice(of_this);
                }
                self.left -= of_this.len();
                next = rest;
                continue;
            }
            self.head.push(*first);
            next = &next[1..];
            if let [of_kind, a, b, c, d] = self.head[..] {
                self.passing = of_kind != kind;
                self.left = (u32::from_be_bytes([a, b, c, d]) as usize).saturating_sub(4);
                if self.passing {
                    kept.extend_from_slice(&self.head);
                }
                left_out += usize::from(!self.passing);
                self.head.clear();
            }
        }
        (kept, left_out)
    }
}
