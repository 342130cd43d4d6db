//! The objects in the kernel, attribute by attribute: listings hide lengths, byte orders and flags.

use std::collections::BTreeSet;

use mnl::{Bus, Socket};

/// Message types, with the attribute that is a handle and differs with every transaction: `NFT_MSG_GETRULE` with
/// `NFTA_RULE_HANDLE` and `NFTA_RULE_POSITION`, `NFT_MSG_GETSET` with `NFTA_SET_HANDLE`, `NFT_MSG_GETCHAIN` with
/// `NFTA_CHAIN_HANDLE`. `NFTA_CHAIN_USERDATA` has a piece of the metadata, which is not printed.
const LISTINGS: [(u8, &[u16]); 3] = [(7, &[3, 6]), (10, &[16]), (4, &[2, 12])];
/// `NFT_MSG_GETSETELEM`.
const ELEMENTS: u8 = 13;
/// `NFTA_SET_NAME`.
const SET_NAME: u16 = 2;
/// `NFTA_SET_USERDATA`.
const SET_USERDATA: u16 = 13;
/// `NFTA_SET_ELEM_LIST_ELEMENTS`.
const LIST: u16 = 3;

/// Every attribute of every rule, set and chain of the table, and every element of its sets.
pub(crate) fn of_table() -> Vec<String> {
    let socket = Socket::new(Bus::Netfilter).expect("a netlink socket");
    let mut lines = Vec::new();
    let mut sets = Vec::new();
    for (kind, volatile) in LISTINGS {
        for attributes in dump(&socket, kind, None) {
            if kind == 10 {
                let name = attributes.iter().find(|(number, _)| *number == SET_NAME);
                sets.push(name.expect("a name").1.clone());
            }
            let kept: Vec<_> = attributes
                .into_iter()
                .filter(|(number, _)| !volatile.contains(number))
                .map(|(number, value)| match (kind, number) {
                    (10, SET_USERDATA) => (number, without_key_types(&value)),
                    _ => (number, value),
                })
                .collect();
            lines.push(format!("{kind}: {kept:x?}"));
        }
    }
    for set in sets {
        // In which order a tree is listed depends on its history.
        let lists = dump(&socket, ELEMENTS, Some(&set));
        let elements: BTreeSet<_> = lists
            .iter()
            .flatten()
            .filter(|(number, _)| *number == LIST)
            .flat_map(|(_, list)| attributes(list))
            .map(|(_, element)| element)
            .collect();
        lines.push(format!("{set:x?}: {elements:x?}"));
    }
    assert!(!lines.is_empty(), "there is a table");
    lines
}

/// User data of a set without `NFTNL_UDATA_SET_KEY_TYPEOF`, which some versions of nft write for keys of several parts.
fn without_key_types(mut userdata: &[u8]) -> Vec<u8> {
    let mut kept = Vec::new();
    while let [kind, length, ..] = userdata {
        let (entry, rest) = userdata.split_at(2 + usize::from(*length));
        if *kind != 3 {
            kept.extend_from_slice(entry);
        }
        userdata = rest;
    }
    kept
}

type Attributes = Vec<(u16, Vec<u8>)>;

fn dump(socket: &Socket, kind: u8, set: Option<&[u8]>) -> Vec<Attributes> {
    const DUMP: u16 = 0x301;
    // struct nlmsghdr, then struct nfgenmsg for the family inet, then the table's name.
    let mut request = vec![0; 16];
    request.extend([1, 0, 0, 0]);
    attribute(&mut request, 1, b"netweir\0");
    if let Some(set) = set {
        attribute(&mut request, SET_NAME, set);
    }
    let length = u32::try_from(request.len()).unwrap();
    request[..4].copy_from_slice(&length.to_ne_bytes());
    request[4..8].copy_from_slice(&[kind, 10, DUMP.to_ne_bytes()[0], DUMP.to_ne_bytes()[1]]);
    socket.send(&request).expect("sent");
    let mut messages = Vec::new();
    let mut buffer = vec![0; 64 * 1024];
    loop {
        for message in socket.recv(&mut buffer).expect("received") {
            let message = message.expect("whole");
            match message[4] {
                // NLMSG_DONE, NLMSG_ERROR.
                3 if message[5] == 0 => return messages,
                2 if message[5] == 0 => panic!("refused: {message:x?}"),
                _ => messages.push(attributes(&message[20..])),
            }
        }
    }
}

fn attribute(request: &mut Vec<u8>, number: u16, payload: &[u8]) {
    let length = u16::try_from(payload.len() + 4).unwrap();
    request.extend(length.to_ne_bytes());
    request.extend(number.to_ne_bytes());
    request.extend(payload);
    request.resize(request.len().next_multiple_of(4), 0);
}

fn attributes(mut bytes: &[u8]) -> Attributes {
    let mut all = Vec::new();
    while bytes.len() >= 4 {
        let length = usize::from(u16::from_ne_bytes([bytes[0], bytes[1]]));
        let number = u16::from_ne_bytes([bytes[2], bytes[3]]) & 0x3fff;
        all.push((number, bytes[4..length].to_vec()));
        bytes = &bytes[length.next_multiple_of(4).min(bytes.len())..];
    }
    all
}
