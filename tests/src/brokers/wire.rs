//! Lines and frames, read with a bound.

use std::io;

use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, BufReader};

/// Nothing that a server says in a greeting is longer.
const MAX_BYTES: usize = 1024 * 1024;

/// The next line, without its end.
pub(super) async fn line(from: &mut BufReader<impl AsyncRead + Unpin>) -> io::Result<String> {
    let mut line = String::new();
    let mut bounded = from.take(MAX_BYTES as u64);
    if bounded.read_line(&mut line).await? == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(line.trim_end().to_owned())
}

/// That many bytes.
pub(super) async fn bytes(
    from: &mut (impl AsyncRead + Unpin),
    count: usize,
) -> io::Result<Vec<u8>> {
    if count > MAX_BYTES {
        return Err(refused(format!("a message of {count} bytes")));
    }
    let mut bytes = vec![0; count];
    from.read_exact(&mut bytes).await?;
    Ok(bytes)
}

/// The server is there, and does not let us in.
pub(super) fn refused(said: impl std::fmt::Display) -> io::Error {
    io::Error::other(format!("it says: {said}"))
}
