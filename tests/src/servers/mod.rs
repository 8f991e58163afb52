//! What servers of tests have in common: where programs are, as whom they run and in which folder, how
//! they are started, signalled and waited for, and a network in front of them that breaks.

mod command;
mod directory;
mod installed;
mod messages;
mod network;
mod port;
mod program;
mod proxy;

pub(crate) use command::{command, unprivileged};
pub(crate) use directory::{Directory, End};
pub(crate) use installed::{find, said};
pub(crate) use port::free_port;
pub(crate) use program::{Program, signal};
pub use proxy::Proxy;
