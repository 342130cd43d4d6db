//! What kinds of failures the kernel layers report; what to do about one is its caller's to say.

/// The kind of a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// A privilege is missing: `CAP_NET_ADMIN`, unless the error names another.
    NotPermitted,
    /// Another program owns the table (`NFT_TABLE_F_OWNER`), so that nothing else may change it.
    OwnedTable,
    /// The kernel lacks a feature.
    Unsupported(Feature),
    /// The kernel is short of memory: a later attempt may succeed.
    OutOfMemory,
    /// It does not fit into a message, or the message not into the socket's send buffer.
    TooLarge,
    /// Other programs kept changing the ruleset.
    Contended,
    /// An object of another program is in the place of one that was to be added.
    Occupied,
    /// The loopback interface is down.
    LoopbackDown,
    /// None of the others.
    Other,
}

/// A feature of the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Feature {
    /// Netlink sockets of the family in question (`CONFIG_NETFILTER_NETLINK` for nf_tables).
    Netlink,
    /// nf_tables itself: the module `nf_tables`.
    NfTables,
    /// NAT in the family inet: Linux 5.2 and the module `nft_chain_nat`.
    InetNat,
    /// Packets without connection tracking: the module `nft_ct`.
    NoTrack,
    /// Tables that end with their owner (Linux 5.12), and the module `nft_ct`.
    Tracing,
    /// An expression of a rule: the modules `nft_redir`, `nft_ct`, `nft_tproxy` and `nft_counter`.
    Expression,
    /// One that the kernel's answer does not name.
    Unnamed,
}

/// The error and its sources, with colons between them.
#[cfg(feature = "kernel")]
pub(crate) fn with_sources(error: &dyn std::error::Error) -> String {
    let errors = std::iter::successors(Some(error), |&error| error.source());
    let texts: Vec<_> = errors.map(ToString::to_string).collect();
    texts.join(": ")
}
