//! The expressions that netweir knows, with the keys and headers that they load.

use nftnl::nftnl_sys::libc;

use crate::intent::Family;

/// One expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::nftables) enum Expression {
    /// `meta`: load.
    LoadMeta(Meta),
    /// `meta`: set.
    SetMeta(Meta),
    /// `ct`: load.
    LoadCt(Ct),
    /// `ct`: set.
    SetCt(Ct),
    /// `payload`: load bytes of a header.
    LoadPayload {
        base: Header,
        offset: u32,
        length: u32,
    },
    /// The same, behind what is loaded already: `words` of 32 bits.
    AddPayload {
        base: Header,
        offset: u32,
        length: u32,
        words: u32,
    },
    /// `bitwise`: keep the bits of the mask.
    Mask(Vec<u8>),
    /// `byteorder`: a 32-bit value to network order.
    ToNetworkOrder,
    /// `cmp`: continue if equal, or if not.
    Compare { equal: bool, value: Vec<u8> },
    /// `lookup`: continue if in the set, or if not.
    Lookup { set: String, inverted: bool },
    /// `counter`.
    Count,
    /// `immediate`: a value.
    Immediate(Vec<u8>),
    /// `immediate`: a port, into the second register.
    ImmediatePort([u8; 2]),
    /// `immediate`: `NF_ACCEPT` or `NF_DROP`.
    Verdict { accept: bool },
    /// `redir`, to the port in the register.
    Redirect,
    /// `nat`, to the address in the register and the port in the second one.
    Dnat(Family),
    /// `tproxy`, to the port in the register.
    Tproxy(Family),
    /// `notrack`.
    NoTrack,
    /// One that netweir's rules do not have, by its name.
    Other(String),
}

/// `enum nft_payload_bases`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub(in crate::nftables) enum Header {
    Network = libc::NFT_PAYLOAD_NETWORK_HEADER as u32,
    Transport = libc::NFT_PAYLOAD_TRANSPORT_HEADER as u32,
}

macro_rules! keys {
    ($(#[$doc:meta])* $name:ident { $($key:ident = $number:ident),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u32)]
        pub(in crate::nftables) enum $name {
            $($key = libc::$number as u32),*
        }

        impl $name {
            pub(in crate::nftables) fn from_number(number: u32) -> Option<Self> {
                let mut all = [$(Self::$key),*].into_iter();
                all.find(|&key| key as u32 == number)
            }
        }
    };
}

keys!(
    /// `enum nft_meta_keys`.
    Meta {
        NfProto = NFT_META_NFPROTO,
        L4Proto = NFT_META_L4PROTO,
        InterfaceNameIn = NFT_META_IIFNAME,
        InterfaceNameOut = NFT_META_OIFNAME,
        SocketUid = NFT_META_SKUID,
        SocketGid = NFT_META_SKGID,
        Mark = NFT_META_MARK,
        Trace = NFT_META_NFTRACE,
    }
);
keys!(
    /// `enum nft_ct_keys`.
    Ct {
        State = NFT_CT_STATE,
        Mark = NFT_CT_MARK,
        Zone = NFT_CT_ZONE,
    }
);
