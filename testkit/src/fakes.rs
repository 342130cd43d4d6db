//! Fakes of what the program looks up on a machine.

use netweir::options::Files;
use netweir::parse::{Accounts, NameError, OwnerKind};

/// A machine without users and groups.
pub struct NoUsers;

impl Accounts for NoUsers {
    fn id_of(&self, _: OwnerKind, _: &str) -> Result<u32, NameError> {
        Err(NameError::Unknown)
    }
}

/// A machine without files.
pub struct NoFiles;

impl Files for NoFiles {
    fn read(&self, name: &str) -> Result<String, String> {
        Err(format!("{name} does not exist"))
    }
}
