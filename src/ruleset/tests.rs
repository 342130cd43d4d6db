//! The texts of ids and names.

use proptest::prelude::*;

use super::*;

proptest! {
    #[test]
    fn any_comment_is_an_id_with_the_same_text(
        text in "(in|out)bound(-raw|-packet)?/[a-z-]{0,30}(-(uid|gid|tcp|udp))?(-ipv[46])?(/[0-9a-z.:*]{1,8})?|\\PC{0,40}",
    ) {
        prop_assert_eq!(RuleId::from(text.as_str()).to_string(), text);
    }

    #[test]
    fn any_set_name_keeps_its_text(text in "(in|out)bound_(in|ex)clude(_ports)?(_[0-9]{1,3})?(_(uids|gids|ipv[46]))?|proxy_[ug]ids|\\PC{0,31}") {
        prop_assert_eq!(SetName::from(text.as_str()).to_string(), text);
    }
}

#[test]
fn ids_in_another_spelling_stay_text() {
    for text in [
        "outbound/leave-proxy-uid/01337",
        "outbound/leave-loopback-not-uid",
        "inbound/leave-proxy-uid/1337",
        "outbound/redirect-ipv4",
        "nothing",
    ] {
        assert_eq!(RuleId::from(text), RuleId::Other(text.to_owned()));
    }
}

#[test]
fn hooks_have_the_numbers_of_the_kernel() {
    for (number, hook) in (0..).zip(Hook::ALL) {
        assert_eq!(Hook::from_number(number), Some(hook));
    }
    assert_eq!(Hook::from_number(6), None);
}
