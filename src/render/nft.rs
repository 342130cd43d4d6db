//! Input for `nft -f`.

use std::fmt::{self, Display, Formatter, Write};
use std::net::SocketAddr;

use super::element::{self, Element};
use super::routing::ip_command;
use super::words;
use crate::intent::Family;
use crate::ruleset::{
    Chain, ConnectionState, Elements, MarkOf, Match, Priority, Rule, Ruleset, Set, Statement,
    TABLE, Test,
};

/// The longest line of set elements, in characters after the indentation.
const LINE: usize = 72;

/// The input for `nft -f` that installs what `apply` installs, in one transaction, replacing the table. Addresses and
/// routes are comments with the equivalent `ip` commands.
#[must_use]
pub fn nft(ruleset: &Ruleset) -> String {
    let mut text = String::new();
    write_ruleset(&mut text, ruleset).expect("writing to a string succeeds");
    text
}

/// A rule without its comment, as nft lists it.
#[must_use]
pub fn nft_rule(rule: &Rule) -> String {
    let mut text = String::new();
    write_body(&mut text, rule).expect("writing to a string succeeds");
    text
}

/// The definition of a chain without its rules, as nft lists it.
#[must_use]
pub fn nft_chain<R>(chain: &Chain<R>) -> String {
    format!(
        "type {} hook {} priority {}; policy accept;",
        chain.kind.name(),
        chain.hook.name(),
        priority(chain.priority)
    )
}

fn write_ruleset(f: &mut String, ruleset: &Ruleset) -> fmt::Result {
    for object in &ruleset.routing {
        writeln!(f, "# {}", ip_command(object))?;
    }
    // `delete` fails for a table that does not exist, and `destroy` needs Linux 6.3 and nft 1.0.7 (commit
    // f80a612dd77c): create the table, then delete it.
    writeln!(f, "table inet {TABLE}")?;
    writeln!(f, "delete table inet {TABLE}")?;
    writeln!(f, "table inet {TABLE} {{")?;
    let mut gap = "";
    for set in &ruleset.sets {
        f.write_str(std::mem::replace(&mut gap, "\n"))?;
        write_set(f, set)?;
    }
    for chain in &ruleset.chains {
        f.write_str(std::mem::replace(&mut gap, "\n"))?;
        write_chain(f, chain)?;
    }
    f.write_str("}\n")
}

fn write_set(f: &mut String, set: &Set) -> fmt::Result {
    writeln!(f, "\tset {} {{", set.name)?;
    writeln!(f, "\t\ttype {}", set.elements.type_name())?;
    writeln!(f, "\t\tflags {}", set.elements.flag())?;
    if !set.elements.is_empty() {
        write_elements(f, &set.elements)?;
    }
    f.write_str("\t}\n")
}

/// Writes the elements, as many on a line as fit. nft refuses `elements` without any.
fn write_elements(f: &mut String, elements: &Elements) -> fmt::Result {
    f.write_str("\t\telements = { ")?;
    let mut column = 0;
    let mut text = String::new();
    for (index, element) in element::elements(elements).enumerate() {
        text.clear();
        write!(text, "{element}")?;
        if index > 0 {
            let wraps = column + text.len() > LINE;
            f.write_str(if wraps { ",\n\t\t\t     " } else { ", " })?;
            column = if wraps { 0 } else { column };
        }
        f.write_str(&text)?;
        column += text.len() + ", ".len();
    }
    f.write_str(" }\n")
}

fn write_chain(f: &mut String, chain: &Chain) -> fmt::Result {
    writeln!(f, "\tchain {} {{", chain.name)?;
    writeln!(f, "\t\t{}", nft_chain(chain))?;
    for rule in &chain.rules {
        write_rule(f, rule)?;
    }
    f.write_str("\t}\n")
}

/// nft's word for the priority, or its number.
const fn priority(priority: Priority) -> &'static str {
    match priority {
        Priority::Raw => "raw",
        Priority::Mangle => "mangle",
        Priority::BeforeDstnat => "-105",
    }
}

fn write_rule(f: &mut String, rule: &Rule) -> fmt::Result {
    f.write_str("\t\t")?;
    write_body(f, rule)?;
    writeln!(f, " comment \"{}\"", rule.id)
}

fn write_body(f: &mut impl Write, rule: &Rule) -> fmt::Result {
    for condition in &rule.matches {
        write_match(f, condition)?;
        f.write_char(' ')?;
    }
    f.write_str("counter")?;
    for statement in &rule.statements {
        f.write_char(' ')?;
        write_statement(f, *statement)?;
    }
    Ok(())
}

fn write_match(f: &mut impl Write, condition: &Match) -> fmt::Result {
    match condition {
        Match::Family(family) => write!(f, "meta nfproto {}", family.name()),
        Match::Protocol { is, protocol } => {
            write!(f, "meta l4proto {}{}", not(*is), protocol.name())
        }
        Match::Port {
            protocol,
            end,
            test,
        } => {
            let field = words::port(*end);
            write!(f, "{} {field} {}", protocol.name(), Comparison(test))
        }
        Match::Address { family, end, test } => {
            let (header, field) = (words::header(*family), words::address(*end));
            let test = test.map_value(|&net| Element::network(net));
            write!(f, "{header} {field} {}", Comparison(&test))
        }
        Match::Interface { direction, pattern } => {
            write!(f, "{} \"{pattern}\"", words::interface(*direction))
        }
        Match::UidAndPort { protocol, set } => {
            write!(f, "meta skuid . {} dport @{set}", protocol.name())
        }
        Match::InterfaceIn { direction, set } => {
            write!(f, "{} @{set}", words::interface(*direction))
        }
        Match::Owner { kind, test } => {
            write!(f, "meta {} {}", words::owner(*kind), Comparison(test))
        }
        Match::Mark { of, is, value } => {
            let of = match of {
                MarkOf::Packet => "meta",
                MarkOf::Connection => "ct",
            };
            write!(f, "{of} mark {}{value:#010x}", not(*is))
        }
        Match::State(ConnectionState::Invalid) => f.write_str("ct state invalid"),
        Match::State(ConnectionState::Tracked) => f.write_str("ct state established,related"),
        Match::OpenConnection { family, local, set } => {
            let header = words::header(*family);
            f.write_str("tcp flags != syn / fin,syn,rst,ack ")?;
            for (index, end) in local.and_other().into_iter().enumerate() {
                let separator = if index == 0 { "" } else { " . " };
                let (address, port) = (words::address(end), words::port(end));
                write!(f, "{separator}{header} {address} . tcp {port}")?;
            }
            write!(f, " @{set}")
        }
    }
}

const fn not(is: bool) -> &'static str {
    if is { "" } else { "!= " }
}

struct Comparison<'a, T>(&'a Test<T>);

impl<T: Display> Display for Comparison<'_, T> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.0 {
            Test::Is(value) => value.fmt(f),
            Test::IsNot(value) => write!(f, "!= {value}"),
            Test::In(set) => write!(f, "@{set}"),
            Test::NotIn(set) => write!(f, "!= @{set}"),
        }
    }
}

fn write_statement(f: &mut impl Write, statement: Statement) -> fmt::Result {
    match statement {
        Statement::SetPacketMark(mark) => write!(f, "meta mark set {mark:#010x}"),
        Statement::SetConnectionMark(mark) => write!(f, "ct mark set {mark:#010x}"),
        Statement::RestoreMark => f.write_str("meta mark set ct mark"),
        Statement::SetZone(zone) => write!(f, "ct original zone set {zone}"),
        Statement::Tproxy(family, port) => {
            write!(f, "tproxy {} to :{port}", words::header(family))
        }
        Statement::Redirect(port) => write!(f, "redirect to :{port}"),
        Statement::Dnat(to, port) => {
            let (header, to) = (
                words::header(Family::of(to)),
                SocketAddr::new(to, port.number()),
            );
            write!(f, "dnat {header} to {to}")
        }
        Statement::Accept => f.write_str("accept"),
        Statement::Drop => f.write_str("drop"),
    }
}
