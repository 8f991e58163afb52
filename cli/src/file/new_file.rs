//! Files that are whole or not there.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use crate::failure::Failure;

/// A file that appears under its name when it is whole.
pub(crate) struct NewFile {
    path: PathBuf,
    partial: PathBuf,
    /// Taken when it is whole.
    file: Option<BufWriter<File>>,
}

impl NewFile {
    /// Begins one. One that is there stays, or is replaced.
    pub(crate) fn create(path: &Path, overwrite: bool) -> Result<Self, Failure> {
        if path.exists() && !overwrite {
            return Err(Failure::Io(format!(
                "{} is there already: give another name, or --overwrite",
                path.display()
            )));
        }
        let mut partial = path.to_owned().into_os_string();
        partial.push(format!(".{}.partial", std::process::id()));
        let partial = PathBuf::from(partial);
        let file = File::create_new(&partial);
        let file = file.map_err(|error| cannot_write(&partial, &error))?;
        Ok(Self { path: path.to_owned(), partial, file: Some(BufWriter::new(file)) })
    }

    /// Writes a line.
    pub(crate) fn line(&mut self, text: &str) -> Result<(), Failure> {
        let Some(file) = &mut self.file else { return Ok(()) };
        let written = file.write_all(text.as_bytes()).and_then(|()| file.write_all(b"\n"));
        written.map_err(|error| cannot_write(&self.partial, &error))
    }

    /// On the disk, and then under its name.
    pub(crate) fn finish(mut self) -> Result<String, Failure> {
        if let Some(mut file) = self.file.take() {
            let whole = file.flush().and_then(|()| file.get_ref().sync_all());
            let renamed = whole.and_then(|()| fs::rename(&self.partial, &self.path));
            if let Err(error) = renamed {
                let _ = fs::remove_file(&self.partial);
                return Err(cannot_write(&self.path, &error));
            }
        }
        Ok(self.path.display().to_string())
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        if self.file.take().is_some() {
            // It is of no use to anybody, and no failure of its own.
            let _ = fs::remove_file(&self.partial);
        }
    }
}

/// Why a file is not there.
pub(crate) fn cannot_write(path: &Path, error: &std::io::Error) -> Failure {
    Failure::Io(format!("{} cannot be written: {error}", path.display()))
}
