//! Files of an export: nothing is written over unasked.

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use serde_json::Value;

use crate::failure::Failure;
use crate::file::{NewFile, cannot_write};

/// What is to be written, by names with `/` between their parts.
#[derive(Default)]
pub(super) struct Files(BTreeMap<String, String>);

impl Files {
    /// A file of JSON, written for people.
    pub(super) fn add(&mut self, name: String, content: &Value) -> Result<(), Failure> {
        let text = serde_json::to_string_pretty(content);
        let text = text.map_err(|error| Failure::Io(error.to_string()))?;
        self.0.insert(name, text);
        Ok(())
    }

    pub(super) fn names(&self) -> Vec<&str> {
        self.0.keys().map(String::as_str).collect()
    }

    /// Writes those that are not there as they should be, into a directory that is made if need be; returns
    /// how many. Each appears when it is whole.
    pub(super) fn write(&self, directory: &Path, overwrite: bool) -> Result<usize, Failure> {
        let mut to_write = Vec::new();
        let mut others = Vec::new();
        for (name, text) in &self.0 {
            match fs::read(directory.join(name)) {
                Ok(there) if there.strip_suffix(b"\n") == Some(text.as_bytes()) => {}
                Ok(_) => {
                    others.push(name.as_str());
                    to_write.push((name, text));
                }
                Err(error) if error.kind() == ErrorKind::NotFound => to_write.push((name, text)),
                Err(error) => return Err(cannot_write(&directory.join(name), &error)),
            }
        }
        if !others.is_empty() && !overwrite {
            return Err(Failure::Io(format!(
                "in {} there are files of these names with another content: {}; --overwrite replaces them",
                directory.display(),
                others.join(", ")
            )));
        }
        for (name, text) in &to_write {
            let path = directory.join(name);
            let parent = path.parent().unwrap_or(directory);
            fs::create_dir_all(parent).map_err(|error| cannot_write(parent, &error))?;
            let mut file = NewFile::create(&path, true)?;
            file.line(text)?;
            file.finish()?;
        }
        Ok(to_write.len())
    }
}
