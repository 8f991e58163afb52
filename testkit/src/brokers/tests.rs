//! The suite itself: every case is listed, and a broker that breaks a promise is caught.

mod flaws;
mod listed;
