//! Where the shop keeps its events, and how to begin anew.

use std::fs::{self, File};
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use crate::Failure;

/// What a database of Annals has at offset 68 of its header.
const APPLICATION_ID: [u8; 4] = *b"Anls";

/// A store's URL, and the file behind it if there is one.
pub(crate) struct Place {
    pub(crate) url: String,
    pub(crate) file: Option<PathBuf>,
}

impl Place {
    /// The store the user named.
    pub(crate) fn named(url: String) -> Self {
        let file = url.strip_prefix("sqlite://").map(|rest| {
            let path = rest.split('?').next().unwrap_or(rest);
            PathBuf::from(path)
        });
        Self { url, file }
    }

    pub(crate) fn is_postgres(&self) -> bool {
        self.url.starts_with("postgres:") || self.url.starts_with("postgresql:")
    }

    /// A file in the user's own data directory, or where temporary files go if there is none.
    pub(crate) fn own(name: &str) -> Result<Self, Failure> {
        let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty());
        let directory = variable("XDG_DATA_HOME")
            .or_else(|| variable("LOCALAPPDATA"))
            .map(PathBuf::from)
            .or_else(|| Some(PathBuf::from(variable("HOME")?).join(".local").join("share")))
            .unwrap_or_else(std::env::temp_dir)
            .join("annals");
        fs::create_dir_all(&directory).map_err(|error| {
            let directory = directory.display();
            format!("{directory} cannot be made: {error}; name a file with --store sqlite://FILE")
        })?;
        let file = directory.join(name);
        let path = file.to_str().ok_or_else(|| {
            let file = file.display();
            format!("{file} cannot be part of a URL; name a file with --store sqlite://FILE")
        })?;
        if path.contains('?') {
            return Err(format!("{path} has a `?` in it; name a file with --store").into());
        }
        Ok(Self { url: format!("sqlite://{path}"), file: Some(file) })
    }

    /// Removes what is there, if it is a database of Annals and nothing else.
    pub(crate) fn clear(&self) -> Result<(), Failure> {
        if self.is_postgres() {
            let why = "--fresh removes a file; on PostgreSQL drop the schema yourself: \
                       DROP SCHEMA annals CASCADE";
            return Err(why.into());
        }
        let Some(file) = &self.file else { return Ok(()) };
        let shown = file.display();
        match is_ours(file) {
            Ok(true) => {}
            Ok(false) => {
                return Err(format!("{shown} is no database of Annals: it is left alone").into());
            }
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(format!("{shown} cannot be read: {error}").into()),
        }
        for suffix in ["-wal", "-shm", ""] {
            let mut path = file.clone().into_os_string();
            path.push(suffix);
            match fs::remove_file(&path) {
                Err(error) if error.kind() != ErrorKind::NotFound => {
                    let path = path.display();
                    return Err(format!("{path} cannot be removed: {error}").into());
                }
                _ => {}
            }
        }
        Ok(())
    }
}

/// An empty file is nobody's.
fn is_ours(file: &Path) -> std::io::Result<bool> {
    let mut header = Vec::new();
    File::open(file)?.take(72).read_to_end(&mut header)?;
    Ok(header.is_empty() || header.get(68..72) == Some(&APPLICATION_ID))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_names_its_file() {
        let place = Place::named("sqlite://shop.db?synchronous=normal".to_owned());
        assert_eq!(place.file, Some(PathBuf::from("shop.db")));
        assert_eq!(Place::named("memory:".to_owned()).file, None);
    }

    #[tokio::test]
    async fn only_a_database_of_ours_is_removed() {
        let directory = tempfile::tempdir().unwrap();
        let place = |name: &str| {
            let file = directory.path().join(name);
            Place::named(format!("sqlite://{}", file.to_str().unwrap()))
        };
        let letter = place("letter.txt");
        fs::write(letter.file.as_ref().unwrap(), "Dear Ada, ".repeat(20)).unwrap();
        assert!(letter.clear().is_err());
        assert!(letter.file.as_ref().unwrap().exists());

        let shop = place("shop.db");
        assert!(shop.clear().is_ok());
        crate::shop::open(&shop.url).await.unwrap().shutdown().await;
        assert!(shop.file.as_ref().unwrap().exists());
        shop.clear().unwrap();
        assert!(!shop.file.as_ref().unwrap().exists());
    }
}
