//! Checks the lengths in a message before libnftnl follows them.
//!
//! libnftnl checks the size of numbers. It does not check the number of elements in lists that it copies to fields of a
//! fixed size, nor that a text ends before the message does.

use std::ffi::c_void;

use nftnl::nftnl_sys::libc::nlmsghdr;

/// `NLA_TYPE_MASK`: without the flags for nesting and byte order.
const ATTRIBUTE_TYPE: u16 = 0x3fff;
/// The length of an attribute's own header.
const HEADER: usize = 4;
/// `struct nlmsghdr` and `struct nfgenmsg`.
const HEADERS: usize = size_of::<nlmsghdr>() + 4;

/// Attributes that consist of attributes.
pub(crate) struct Nest {
    /// Their kind; [`LISTED`] for each element of a list.
    pub(super) kind: u16,
    /// The most elements that there may be.
    pub(super) most: usize,
    /// The nests in them.
    pub(super) inner: &'static [Self],
}

/// `NFTA_LIST_ELEM`.
pub(super) const LISTED: u16 = 1;

/// A nest of any number of attributes.
pub(super) const fn nest(kind: u16, inner: &'static [Nest]) -> Nest {
    let most = usize::MAX;
    Nest { kind, most, inner }
}

/// A copy of a message whose lengths are right; `None` if one is not.
pub(super) struct Checked(Vec<u8>);

impl Checked {
    pub(super) fn new(message: &[u8], nests: &[Nest]) -> Option<Self> {
        let length = u32::from_ne_bytes(*message.first_chunk()?);
        let attributes = message.get(HEADERS..)?;
        let is_whole = usize::try_from(length).ok()? == message.len();
        if !is_whole || !are_whole(attributes, usize::MAX, nests) {
            return None;
        }
        // A text without its end is read no further than to these.
        let mut copy = Vec::with_capacity(message.len() + HEADER);
        copy.extend_from_slice(message);
        copy.extend([0; HEADER]);
        Some(Self(copy))
    }

    /// The header, at an address that is aligned as libmnl's structures are: allocations are aligned to more.
    pub(super) fn header(&self) -> *const nlmsghdr {
        let header = self.0.as_ptr().cast::<c_void>().cast::<nlmsghdr>();
        assert!(header.is_aligned(), "malloc aligns to 8 at least");
        header
    }
}

/// Whether the bytes are attributes from the first to the last, and those of nests again.
fn are_whole(mut bytes: &[u8], most: usize, nests: &[Nest]) -> bool {
    let mut count = 0;
    while let [low, high, kind_low, kind_high, ..] = *bytes {
        let length = usize::from(u16::from_ne_bytes([low, high]));
        let kind = u16::from_ne_bytes([kind_low, kind_high]) & ATTRIBUTE_TYPE;
        let Some(payload) = bytes.get(HEADER..length) else {
            return false;
        };
        count += 1;
        let mut own = nests.iter().filter(|nest| nest.kind == kind);
        if count > most || !own.all(|nest| are_whole(payload, nest.most, nest.inner)) {
            return false;
        }
        // The last attribute may come without its padding.
        bytes = bytes.get(length.next_multiple_of(4)..).unwrap_or(&[]);
    }
    bytes.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attribute(kind: u16, payload: &[u8]) -> Vec<u8> {
        let length = u16::try_from(HEADER + payload.len()).unwrap();
        let mut bytes = [&length.to_ne_bytes()[..], &kind.to_ne_bytes(), payload].concat();
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        bytes
    }

    fn message(attributes: &[u8]) -> Vec<u8> {
        let length = u32::try_from(HEADERS + attributes.len()).unwrap();
        [&length.to_ne_bytes()[..], &[0; HEADERS - 4], attributes].concat()
    }

    const NESTS: &[Nest] = &[Nest {
        kind: 9,
        most: 2,
        inner: &[nest(LISTED, &[])],
    }];

    fn accepts(attributes: &[u8]) -> bool {
        Checked::new(&message(attributes), NESTS).is_some()
    }

    #[test]
    fn attributes_fill_the_message() {
        let name = attribute(3, b"name\0");
        assert!(accepts(&[]));
        assert!(accepts(&name));
        // Without its padding.
        assert!(accepts(&name[..HEADER + 5]));
        for wrong in [
            &name[..6],
            &[3, 0, 3, 0][..],
            &[0xff, 0xff, 3, 0],
            &[&name[..], &[0, 0]].concat(),
        ] {
            assert!(!accepts(wrong), "{wrong:?}");
        }
        let mut longer = message(&name);
        longer[0] += 4;
        assert!(Checked::new(&longer, NESTS).is_none());
        assert!(Checked::new(&[16, 0, 0, 0], NESTS).is_none());
    }

    #[test]
    fn nests_are_filled_and_bounded() {
        let element = attribute(LISTED, &attribute(1, &[0; 4]));
        let list = |count: usize| attribute(9, &element.repeat(count));
        assert!(accepts(&list(2)));
        assert!(!accepts(&list(3)));
        assert!(!accepts(&attribute(9, &[0xff, 0xff, 1, 0])));
        // An element that is no list of attributes.
        assert!(!accepts(&attribute(9, &attribute(LISTED, &[1, 2]))));
        // Of other kinds, the contents are no one's but libnftnl's.
        assert!(accepts(&attribute(8, &[0xff, 0xff, 1, 0])));
    }
}
