//! The failure stories of Annals: one file a story.

mod memory_conformance;
mod sqlite_conformance;
