//! The file: plain or gzipped, read whole.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use annals::Uuid;
use flate2::read::MultiGzDecoder;

use crate::Failure;

/// How large the text may be, so that a wrong file does not fill the memory.
const MAX_BYTES: u64 = 512 * 1024 * 1024;

const GZIP: [u8; 2] = [0x1f, 0x8b];

pub(super) struct Retail {
    /// As it was named, for messages.
    pub(super) path: String,
    pub(super) text: Vec<u8>,
    /// Tells this text from any other: part of the keys of what it leads to.
    pub(super) fingerprint: Uuid,
}

pub(super) fn read(path: &Path) -> Result<Retail, Failure> {
    let shown = path.display();
    let open = || File::open(path).map_err(|error| not_read(path, &error));
    let mut magic = Vec::new();
    open()?.take(2).read_to_end(&mut magic).map_err(|error| not_read(path, &error))?;
    let mut text = Vec::new();
    let read = if magic == GZIP {
        MultiGzDecoder::new(open()?).take(MAX_BYTES + 1).read_to_end(&mut text)
    } else {
        open()?.take(MAX_BYTES + 1).read_to_end(&mut text)
    };
    read.map_err(|error| {
        let read = text.len();
        format!("{shown} breaks off after {read} bytes of text: {error}; fetch it again")
    })?;
    if text.len() as u64 > MAX_BYTES {
        return Err(format!("{shown} is larger than {MAX_BYTES} bytes of text: split it").into());
    }
    let fingerprint = Uuid::new_v5(&Uuid::NAMESPACE_OID, &text);
    Ok(Retail { path: shown.to_string(), text, fingerprint })
}

/// Says where it looked: a relative path depends on where the program was started.
fn not_read(path: &Path, error: &std::io::Error) -> Failure {
    let shown = path.display();
    match std::path::absolute(path) {
        Ok(absolute) if absolute != path => {
            format!("{shown} cannot be read: {error} (looked for {})", absolute.display()).into()
        }
        _ => format!("{shown} cannot be read: {error}").into(),
    }
}
