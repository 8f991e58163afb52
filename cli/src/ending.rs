//! When to stop following: on Ctrl-C, when asked to end, and when nobody reads any more.

/// Waits for an interruption, or for the output to be closed. A second interruption ends the program at
/// once, whatever it is waiting for.
pub(crate) async fn ending() {
    tokio::select! {
        () = interrupted() => {
            tokio::spawn(async {
                interrupted().await;
                std::process::exit(INTERRUPTED);
            });
        }
        () = output_closed() => {}
    }
}

/// The exit code of a program that was interrupted.
const INTERRUPTED: i32 = 130;

#[cfg(unix)]
async fn interrupted() {
    use tokio::signal::unix::{SignalKind, signal};

    let (Ok(mut terminated), Ok(mut hung_up)) =
        (signal(SignalKind::terminate()), signal(SignalKind::hangup()))
    else {
        return std::future::pending().await;
    };
    tokio::select! {
        Ok(()) = tokio::signal::ctrl_c() => {}
        _ = terminated.recv() => {}
        _ = hung_up.recv() => {}
    }
}

#[cfg(not(unix))]
async fn interrupted() {
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending().await
    }
}

/// Waits until the other end of the output is closed, also while there is nothing to write. A file or a
/// terminal is never closed.
#[cfg(unix)]
async fn output_closed() {
    use std::os::fd::AsFd;

    use tokio::io::Interest;
    use tokio::net::unix::pipe::Sender;

    let output = std::io::stdout().as_fd().try_clone_to_owned();
    // Unchecked, because a checked one would no longer wait when it is full, and this is the output's
    // twin. What cannot be watched, such as a file, is refused.
    let Ok(watched) = output.and_then(Sender::from_owned_fd_unchecked) else {
        return std::future::pending().await;
    };
    if watched.ready(Interest::ERROR).await.is_err() {
        std::future::pending().await
    }
}

#[cfg(not(unix))]
async fn output_closed() {
    std::future::pending().await
}
