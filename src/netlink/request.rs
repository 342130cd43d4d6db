//! Messages to the kernel.

use mnl::mnl_sys::libc;

use super::{ALIGNMENT, HEADER};

/// Flags of a request, as the message header has them.
#[derive(Clone, Copy)]
pub(crate) struct Flags(u16);

#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "16-bit flags"
)]
impl Flags {
    pub(crate) const REQUEST: Self = Self(libc::NLM_F_REQUEST as u16);
    pub(crate) const DUMP: Self = Self((libc::NLM_F_REQUEST | libc::NLM_F_DUMP) as u16);
    pub(crate) const ACK: Self = Self((libc::NLM_F_REQUEST | libc::NLM_F_ACK) as u16);
    pub(crate) const CREATE: Self = Self((libc::NLM_F_REQUEST | libc::NLM_F_CREATE) as u16);
    pub(crate) const APPEND: Self =
        Self((libc::NLM_F_REQUEST | libc::NLM_F_CREATE | libc::NLM_F_APPEND) as u16);
    pub(crate) const CREATE_NEW: Self = Self(
        (libc::NLM_F_REQUEST | libc::NLM_F_ACK | libc::NLM_F_CREATE | libc::NLM_F_EXCL) as u16,
    );

    pub(crate) const fn bits(self) -> u16 {
        self.0
    }
}

/// A message in the making.
pub(crate) struct Request(Vec<u8>);

impl Request {
    /// A message with the fixed header of its subsystem.
    pub(crate) fn new(kind: u16, flags: Flags, header: &[u8]) -> Self {
        let mut bytes = vec![0; HEADER];
        if let Some(field) = bytes.get_mut(4..6) {
            field.copy_from_slice(&kind.to_ne_bytes());
        }
        if let Some(field) = bytes.get_mut(6..8) {
            field.copy_from_slice(&flags.bits().to_ne_bytes());
        }
        bytes.extend_from_slice(header);
        Self(bytes)
    }

    /// Appends an attribute. A payload beyond 64 KiB does not occur: they are names and numbers.
    #[must_use]
    pub(crate) fn with(mut self, kind: u16, payload: &[u8]) -> Self {
        append_attribute(&mut self.0, kind, payload);
        self
    }

    /// Appends a string attribute.
    #[must_use]
    pub(crate) fn with_text(mut self, kind: u16, text: impl AsRef<[u8]>) -> Self {
        append_text(&mut self.0, kind, text.as_ref());
        self
    }

    /// Appends an attribute that consists of attributes.
    #[must_use]
    pub(crate) fn with_nest(self, kind: u16, nest: &Nest) -> Self {
        self.with(kind | NESTED, &nest.0)
    }

    /// The bytes, with length and sequence number filled in.
    pub(crate) fn finish(mut self, sequence: u32) -> Vec<u8> {
        let length = u32::try_from(self.0.len()).unwrap_or(u32::MAX);
        if let Some(field) = self.0.get_mut(..4) {
            field.copy_from_slice(&length.to_ne_bytes());
        }
        if let Some(field) = self.0.get_mut(8..12) {
            field.copy_from_slice(&sequence.to_ne_bytes());
        }
        self.0
    }
}

/// `NLA_F_NESTED`.
const NESTED: u16 = 1 << 15;

/// Attributes in the making that go into another one.
#[derive(Default)]
pub(crate) struct Nest(Vec<u8>);

impl Nest {
    /// Attributes behind the fixed header of what they describe.
    pub(crate) fn behind(header: &[u8]) -> Self {
        Self(header.to_vec())
    }

    /// Appends an attribute.
    #[must_use]
    pub(crate) fn with(mut self, kind: u16, payload: &[u8]) -> Self {
        append_attribute(&mut self.0, kind, payload);
        self
    }

    /// Appends a string attribute.
    #[must_use]
    pub(crate) fn with_text(mut self, kind: u16, text: &str) -> Self {
        append_text(&mut self.0, kind, text.as_bytes());
        self
    }

    /// Appends an attribute that consists of attributes.
    #[must_use]
    pub(crate) fn with_nest(self, kind: u16, nest: &Self) -> Self {
        self.with(kind | NESTED, &nest.0)
    }

    /// Appends an attribute, in place: for where there are thousands.
    pub(crate) fn append(&mut self, kind: u16, payload: &[u8]) {
        append_attribute(&mut self.0, kind, payload);
    }

    /// Appends an attribute that consists of what is appended meanwhile. Attributes are whole words, so that it needs no
    /// padding.
    pub(crate) fn append_nest(&mut self, kind: u16, fill: impl FnOnce(&mut Self)) {
        let start = self.0.len();
        append_attribute(&mut self.0, kind | NESTED, &[]);
        fill(self);
        let length = u16::try_from(self.0.len() - start).unwrap_or(u16::MAX);
        if let Some(field) = self.0.get_mut(start..start + 2) {
            field.copy_from_slice(&length.to_ne_bytes());
        }
    }
}

fn append_attribute(bytes: &mut Vec<u8>, kind: u16, payload: &[u8]) {
    let length = u16::try_from(payload.len() + 4).unwrap_or(u16::MAX);
    bytes.extend_from_slice(&length.to_ne_bytes());
    bytes.extend_from_slice(&kind.to_ne_bytes());
    bytes.extend_from_slice(payload);
    bytes.resize(bytes.len().next_multiple_of(ALIGNMENT), 0);
}

fn append_text(bytes: &mut Vec<u8>, kind: u16, text: &[u8]) {
    let mut terminated = text.to_vec();
    terminated.push(0);
    append_attribute(bytes, kind, &terminated);
}
