//! The failure stories of Annals: one file a story.

mod brokers;
