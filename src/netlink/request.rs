//! Messages to the kernel.

use mnl::mnl_sys::libc;

use super::{ALIGNMENT, HEADER};

/// `NLA_F_NESTED`.
const NESTED: u16 = 1 << 15;

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

/// A message under construction.
pub(crate) struct Request(Nest);

impl Request {
    /// A message with the fixed header of its subsystem.
    pub(crate) fn new(kind: u16, flags: Flags, header: &[u8]) -> Self {
        let mut bytes = vec![0; HEADER];
        write(&mut bytes, 4, kind.to_ne_bytes());
        write(&mut bytes, 6, flags.bits().to_ne_bytes());
        bytes.extend_from_slice(header);
        Self(Nest(bytes))
    }

    /// Appends an attribute.
    #[must_use]
    pub(crate) fn with(self, kind: u16, payload: &[u8]) -> Self {
        Self(self.0.with(kind, payload))
    }

    /// Appends a string attribute.
    #[must_use]
    pub(crate) fn with_text(self, kind: u16, text: impl AsRef<[u8]>) -> Self {
        Self(self.0.with_text(kind, text))
    }

    /// Appends an attribute that consists of attributes.
    #[must_use]
    pub(crate) fn with_nest(self, kind: u16, nest: &Nest) -> Self {
        Self(self.0.with_nest(kind, nest))
    }

    /// The bytes, with length and sequence number filled in.
    pub(crate) fn finish(self, sequence: u32) -> Vec<u8> {
        let Nest(mut bytes) = self.0;
        let length = u32::try_from(bytes.len()).expect("names, numbers and one list of 64 KiB");
        write(&mut bytes, 0, length.to_ne_bytes());
        write(&mut bytes, 8, sequence.to_ne_bytes());
        bytes
    }
}

/// Attributes under construction that go into another one.
#[derive(Default)]
pub(crate) struct Nest(Vec<u8>);

impl Nest {
    /// Attributes after the fixed header of what they describe.
    pub(crate) fn after(header: &[u8]) -> Self {
        Self(header.to_vec())
    }

    /// Appends an attribute.
    #[must_use]
    pub(crate) fn with(mut self, kind: u16, payload: &[u8]) -> Self {
        self.append(kind, payload);
        self
    }

    /// Appends a string attribute.
    #[must_use]
    pub(crate) fn with_text(mut self, kind: u16, text: impl AsRef<[u8]>) -> Self {
        self.append(kind, &[text.as_ref(), &[0]].concat());
        self
    }

    /// Appends an attribute that consists of attributes.
    #[must_use]
    pub(crate) fn with_nest(self, kind: u16, nest: &Self) -> Self {
        self.with(kind | NESTED, &nest.0)
    }

    /// Appends an attribute, in place: for lists of thousands.
    pub(crate) fn append(&mut self, kind: u16, payload: &[u8]) {
        let bytes = &mut self.0;
        bytes.extend_from_slice(&length(payload.len() + 4).to_ne_bytes());
        bytes.extend_from_slice(&kind.to_ne_bytes());
        bytes.extend_from_slice(payload);
        bytes.resize(bytes.len().next_multiple_of(ALIGNMENT), 0);
    }

    /// Appends an attribute that consists of what `fill` appends. Attributes are whole words, so that it needs no padding.
    pub(crate) fn append_nest(&mut self, kind: u16, fill: impl FnOnce(&mut Self)) {
        let start = self.0.len();
        self.append(kind | NESTED, &[]);
        fill(self);
        let length = length(self.0.len() - start);
        write(&mut self.0, start, length.to_ne_bytes());
    }
}

/// The length of an attribute has 16 bits.
fn length(bytes: usize) -> u16 {
    u16::try_from(bytes).expect("names, numbers and lists that are bounded to 64 KiB")
}

fn write<const N: usize>(bytes: &mut [u8], offset: usize, value: [u8; N]) {
    let field = bytes.get_mut(offset..offset + N);
    field.expect("within the header").copy_from_slice(&value);
}
