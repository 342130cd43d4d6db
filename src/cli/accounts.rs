//! The names of users and groups, from the files themselves: a static binary has no name service switch.

use std::cell::OnceCell;
use std::fs;

use crate::intent::OwnerId;
use crate::parse::{Accounts, NameError, OwnerKind};

/// /etc/passwd and /etc/group, read when the first name is looked up.
#[derive(Default)]
pub(super) struct AccountFiles {
    users: OnceCell<Result<String, String>>,
    groups: OnceCell<Result<String, String>>,
}

impl Accounts for AccountFiles {
    fn id_of(&self, kind: OwnerKind, name: &str) -> Result<OwnerId, NameError> {
        let file = match kind {
            OwnerKind::User => &self.users,
            OwnerKind::Group => &self.groups,
        };
        let read = || match fs::read(kind.file()) {
            Ok(bytes) => Ok(String::from_utf8_lossy(&bytes).into_owned()),
            Err(error) => Err(error.to_string()),
        };
        match file.get_or_init(read) {
            Ok(text) => id_in(text, name).ok_or(NameError::Unknown),
            Err(reason) => Err(NameError::Unreadable(reason.clone())),
        }
    }
}

/// The third field of the first line with the name (passwd(5), group(5)).
fn id_in(text: &str, name: &str) -> Option<OwnerId> {
    text.lines().find_map(|line| {
        let mut fields = line.split(':');
        if fields.next()? != name {
            return None;
        }
        fields.nth(1)?.parse().ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn id_is_the_third_field_of_the_line_with_the_name() {
        let passwd = "root:x:0:0:root:/root:/bin/sh\n\
                      broken\n\
                      istio-proxy:x:1337:1337::/:/sbin/nologin\n\
                      istio:x:abc:1::/:/bin/sh\n\
                      +nis\n";
        assert_eq!(id_in(passwd, "istio-proxy"), Some(1337));
        assert_eq!(id_in(passwd, "root"), Some(0));
        for unknown in ["istio", "x", "", "broken", "nis", "1337"] {
            assert_eq!(id_in(passwd, unknown), None, "{unknown:?}");
        }
    }
}
