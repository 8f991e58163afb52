//! The PostgreSQL store of Annals.
