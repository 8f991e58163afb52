//! A second handle of a connection's socket, to hang up at once.
//!
//! The client ends a connection by asking the server, in a thread that waits for the answer. A server that
//! is frozen gives none, and the thread would stay; whoever hangs up ends it.

use std::io;
use std::net::{Shutdown, TcpStream};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Ends a connection without asking.
#[derive(Debug, Default)]
pub(super) struct HangUp(Mutex<Socket>);

#[derive(Debug, Default)]
enum Socket {
    #[default]
    None,
    Open(TcpStream),
    Ended,
}

impl HangUp {
    /// Ends the connection, or the attempt to make it: both ends are told, and nothing more comes or goes.
    pub(super) fn now(&self) {
        let before = std::mem::replace(&mut *self.socket(), Socket::Ended);
        if let Socket::Open(socket) = before {
            // An error means that it has ended.
            let _ = socket.shutdown(Shutdown::Both);
        }
    }

    /// This is the socket; it is ended if somebody has hung up already.
    pub(super) fn is(&self, handle: TcpStream) {
        let mut socket = self.socket();
        match *socket {
            Socket::Ended => {
                let _ = handle.shutdown(Shutdown::Both);
            }
            _ => *socket = Socket::Open(handle),
        }
    }

    fn socket(&self) -> MutexGuard<'_, Socket> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A second handle of the same socket.
pub(super) fn second_handle(socket: &tokio::net::TcpStream) -> io::Result<TcpStream> {
    #[cfg(unix)]
    let second = std::os::fd::AsFd::as_fd(socket).try_clone_to_owned()?;
    #[cfg(windows)]
    let second = std::os::windows::io::AsSocket::as_socket(socket).try_clone_to_owned()?;
    Ok(second.into())
}
