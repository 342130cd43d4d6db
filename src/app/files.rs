//! The files that options name.

use std::fs;

use crate::options::Files;

/// The files of the mount namespace that netweir runs in.
pub(crate) struct SystemFiles;

impl Files for SystemFiles {
    fn read(&self, name: &str) -> Result<String, String> {
        match fs::read(name) {
            Ok(bytes) => Ok(String::from_utf8_lossy(&bytes).into_owned()),
            Err(error) => Err(error.to_string()),
        }
    }
}
