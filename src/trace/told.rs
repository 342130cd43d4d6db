//! A connection in the ids of the rules, for people and for programs.

use std::fmt;
use std::net::SocketAddr;

use serde::Serialize;

use crate::connection::{Addresses, Transport};
use crate::explain::{Verdict, listener, purpose};
use crate::intent::Port;
use crate::printable::printable;
use crate::ruleset::{Direction, End, Match, OwnerKind, Rule, RuleId, Statement, TABLE, Test};

use super::{After, Message, Rules, Seen};

/// The version of the JSON form. It grows when a field goes away or changes its meaning; fields may be added at
/// any time.
pub const SCHEMA: u32 = 1;

/// What became of a new connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told<'a> {
    seen: &'a Seen,
    /// Not known if the rules were changed meanwhile.
    verdict: Option<Verdict>,
    /// The position of what decided, among what it met.
    decider: Option<usize>,
    /// The rules that it met; `None` for those that are not ours.
    rules: Vec<Option<&'a Rule>>,
}

impl<'a> Told<'a> {
    /// What the rules made of the connection.
    #[must_use]
    pub fn new(seen: &'a Seen, rules: &'a Rules) -> Self {
        let met = seen.met.iter();
        if seen.outdated {
            let dropped = seen.is_dropped();
            return Self {
                seen,
                verdict: dropped.then_some(Verdict::Drop),
                decider: seen.met.len().checked_sub(1).filter(|_| dropped),
                rules: met.map(|_| None).collect(),
            };
        }
        let own: Vec<_> = met.map(|message| rule_of(message, rules)).collect();
        let (verdict, decider) = decision(seen, &own, rules);
        Self {
            seen,
            verdict: Some(verdict),
            decider,
            rules: own,
        }
    }

    /// The id of the rule that decided.
    fn id(&self) -> Option<&RuleId> {
        let rule = self.rules.get(self.decider?).copied().flatten();
        rule.map(|rule| &rule.id)
    }

    /// What decided.
    fn decided_by(&self) -> Option<String> {
        self.decider.and_then(|position| self.name(position))
    }

    fn port(&self) -> Option<Port> {
        self.verdict.and_then(Verdict::port)
    }

    fn name(&self, position: usize) -> Option<String> {
        let message = self.seen.met.get(position)?;
        let rule = self.rules.get(position).copied().flatten();
        Some(rule.map_or_else(|| place(message), |rule| rule.id.to_string()))
    }

    /// The names of what it met besides.
    fn also(&self) -> Vec<String> {
        let positions = 0..self.seen.met.len();
        positions
            .filter(|position| self.decider != Some(*position))
            .filter_map(|position| self.name(position))
            .collect()
    }

    /// Where it went, if that was elsewhere than it was sent.
    fn elsewhere(&self) -> Option<String> {
        let (addresses, transport) = self.seen.went_to?;
        let headers = &self.seen.headers;
        let sent = end(&headers.addresses, headers.transport, End::Destination);
        let went = end(&addresses, transport, End::Destination);
        (went != sent).then_some(went)
    }

    /// The owner of the kind: that of the socket, or the one that a rule asks for which fitted.
    fn owner(&self, kind: OwnerKind) -> Option<u32> {
        let of_socket = match kind {
            OwnerKind::Uid => self.seen.uid,
            OwnerKind::Gid => None,
        };
        let matches = self.rules.iter().flatten().flat_map(|rule| &rule.matches);
        let mut fitted = matches.filter_map(|condition| {
            let Match::Owner { kind: own, test } = condition else {
                return None;
            };
            match test {
                Test::Is(id) if *own == kind => Some(*id),
                Test::Is(_) | Test::IsNot(_) | Test::In(_) | Test::NotIn(_) => None,
            }
        });
        of_socket.or_else(|| fitted.next())
    }

    /// The connection in the plain form, as far as it is known.
    fn connection(&self) -> String {
        let seen = self.seen;
        let headers = &seen.headers;
        let direction = match seen.direction {
            Direction::Out => "out",
            Direction::In => "in",
        };
        let protocol = match headers.transport {
            Transport::Tcp(_) => "tcp".to_owned(),
            Transport::Udp(_) => "udp".to_owned(),
            Transport::Other(number) => format!("protocol={number}"),
        };
        let [to, from] = [End::Destination, End::Source]
            .map(|of| end(&headers.addresses, headers.transport, of));
        let mut words = vec![direction.to_owned(), protocol, to, format!("from={from}")];
        words.extend(
            seen.interface()
                .map(|name| format!("dev={}", printable(name))),
        );
        words.extend(self.owner(OwnerKind::Uid).map(|uid| format!("uid={uid}")));
        words.extend(self.owner(OwnerKind::Gid).map(|gid| format!("gid={gid}")));
        words.extend((headers.mark != 0).then(|| format!("mark={:#x}", headers.mark)));
        words.join(" ")
    }

    /// A JSON object, on one line, with the time as it is given.
    #[must_use]
    pub fn json(&self, time: &str) -> String {
        let seen = self.seen;
        let headers = &seen.headers;
        let ports = headers.transport.ports();
        let object = Object {
            version: SCHEMA,
            time,
            verdict: self.verdict.map_or("unknown", Verdict::name),
            port: self.port().map(Port::number),
            rule: self.decided_by(),
            because: self.id().and_then(purpose),
            connection: ConnectionObject {
                text: self.connection(),
                direction: match seen.direction {
                    Direction::Out => "out",
                    Direction::In => "in",
                },
                protocol: match headers.transport.protocol() {
                    Some(protocol) => protocol.name().to_owned(),
                    None => headers.transport.number().to_string(),
                },
                family: headers.addresses.family().name(),
                destination: headers.addresses.end(End::Destination).to_string(),
                port: ports.map(|ports| ports.destination),
                from: headers.addresses.end(End::Source).to_string(),
                from_port: ports.map(|ports| ports.source),
                dev: seen.interface(),
                uid: self.owner(OwnerKind::Uid),
                gid: self.owner(OwnerKind::Gid),
                mark: headers.mark,
            },
            went_to: seen
                .went_to
                .map(|(addresses, transport)| end(&addresses, transport, End::Destination)),
            met: (0..seen.met.len())
                .zip(&seen.met)
                .map(|(position, message)| Met {
                    table: &message.table,
                    chain: &message.chain,
                    handle: message.rule,
                    rule: self
                        .rules
                        .get(position)
                        .copied()
                        .flatten()
                        .map(|rule| rule.id.as_str()),
                    dropped: message.after == After::Dropped,
                })
                .collect(),
        };
        // No map here has keys that are not text, the one thing that can fail.
        serde_json::to_string(&object).unwrap_or_default()
    }
}

impl fmt::Display for Told<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(f, &str::to_owned)
    }
}

impl Told<'_> {
    /// What became of it; `None` where that is not known.
    #[must_use]
    pub const fn verdict(&self) -> Option<Verdict> {
        self.verdict
    }

    /// In words, on one line: the connection, what became of it and by which rule, and what it met besides. What became
    /// of it is made to stand out by the given means.
    pub fn text(&self, stand_out: impl Fn(&str) -> String) -> String {
        let mut text = String::new();
        // Writing to a string does not fail.
        let _ = self.write(&mut text, &stand_out);
        text
    }

    fn write(&self, f: &mut dyn fmt::Write, stand_out: &dyn Fn(&str) -> String) -> fmt::Result {
        write!(f, "{}: ", self.connection())?;
        let id = self.id();
        let mut fate = match self.verdict {
            Some(verdict) => verdict.to_string(),
            None => "not known, as the rules were changed meanwhile".to_owned(),
        };
        if let Some(listener) = id.and_then(listener) {
            fate = format!("{fate}, {listener}");
        }
        f.write_str(&stand_out(&fate))?;
        match self.decided_by() {
            Some(name) => write!(f, ", by {name}")?,
            None if self.verdict.is_some() => f.write_str(", by no rule")?,
            None => {}
        }
        if let Some(purpose) = id.and_then(purpose) {
            write!(f, ": it {purpose}")?;
        }
        match (self.verdict, self.elsewhere()) {
            (Some(Verdict::Leave), Some(elsewhere)) => {
                write!(f, "; it went to {elsewhere}, by rules of others")?;
            }
            (None, Some(elsewhere)) => write!(f, "; it went to {elsewhere}")?,
            (Some(Verdict::Redirect(_) | Verdict::Tproxy(_) | Verdict::Drop), _) | (_, None) => {}
        }
        if self.seen.went_to.is_none() && self.verdict != Some(Verdict::Drop) {
            f.write_str(
                "; its end was not seen: something that nf_tables does not tell of held it",
            )?;
        }
        match self.also().as_slice() {
            [] => Ok(()),
            others => write!(f, "; on the way: {}", others.join(", ")),
        }
    }
}

impl Seen {
    /// The last that it met dropped it.
    fn is_dropped(&self) -> bool {
        let last = self.met.last();
        last.is_some_and(|last| last.after == After::Dropped)
    }
}

fn is_ours(message: &Message) -> bool {
    message.table.strip_prefix("inet ") == Some(TABLE) && message.rule.is_some()
}

fn rule_of<'a>(message: &Message, rules: &'a Rules) -> Option<&'a Rule> {
    let handle = message.rule.filter(|_| is_ours(message))?;
    let mut rules = rules.iter();
    let known = rules.find(|known| known.handle == handle && known.chain == message.chain)?;
    Some(&known.rule)
}

/// What decided: what dropped it, or else the last rule that captured it, or else the last that ended a chain for it.
fn decision(seen: &Seen, met: &[Option<&Rule>], rules: &Rules) -> (Verdict, Option<usize>) {
    let last = seen.met.len().checked_sub(1);
    if seen.is_dropped() {
        return (Verdict::Drop, last);
    }
    let captured = met.iter().enumerate().rev().find_map(|(position, rule)| {
        let verdict = captures((*rule)?)?;
        Some((verdict, Some(position)))
    });
    captured.unwrap_or_else(|| (Verdict::Leave, left_by(seen, met, rules)))
}

/// The last rule that left it alone where it could have been captured. What comes back by `lo` was decided about on
/// its way out.
fn left_by(seen: &Seen, met: &[Option<&Rule>], rules: &Rules) -> Option<usize> {
    let decisive = seen.returned_after.unwrap_or(met.len());
    let can_capture = |message: &Message| {
        let mut rules = rules.iter();
        rules.any(|known| known.chain == message.chain && captures(&known.rule).is_some())
    };
    let met = seen.met.iter().zip(met).take(decisive).enumerate();
    let mut left = met.rev().filter(|(_, (message, rule))| {
        rule.is_some_and(|rule| rule.statements == [Statement::Accept]) && can_capture(message)
    });
    left.next().map(|(position, _)| position)
}

/// The verdict of a rule that captures.
fn captures(rule: &Rule) -> Option<Verdict> {
    let mut statements = rule.statements.iter();
    statements.find_map(|statement| match statement {
        Statement::Redirect(port) => Some(Verdict::Redirect(*port)),
        Statement::Tproxy(_, port) => Some(Verdict::Tproxy(*port)),
        Statement::SetPacketMark(_)
        | Statement::SetConnectionMark(_)
        | Statement::RestoreMark
        | Statement::SetZone(_)
        | Statement::Accept
        | Statement::Drop => None,
    })
}

/// A rule of others, or one that is not known.
fn place(message: &Message) -> String {
    let Message { table, chain, .. } = message;
    match message.rule {
        Some(handle) => format!("rule {handle} of {table} {chain}"),
        None => format!("the policy of {table} {chain}"),
    }
}

fn end(addresses: &Addresses, transport: Transport, of: End) -> String {
    let address = addresses.end(of);
    match transport.ports() {
        Some(ports) => SocketAddr::new(address, ports.end(of)).to_string(),
        None => address.to_string(),
    }
}

#[derive(Serialize)]
struct Object<'a> {
    version: u32,
    time: &'a str,
    verdict: &'static str,
    port: Option<u16>,
    rule: Option<String>,
    because: Option<String>,
    connection: ConnectionObject<'a>,
    went_to: Option<String>,
    met: Vec<Met<'a>>,
}

#[derive(Serialize)]
struct ConnectionObject<'a> {
    text: String,
    direction: &'static str,
    protocol: String,
    family: &'static str,
    destination: String,
    port: Option<u16>,
    from: String,
    from_port: Option<u16>,
    dev: Option<&'a str>,
    uid: Option<u32>,
    gid: Option<u32>,
    mark: u32,
}

#[derive(Serialize)]
struct Met<'a> {
    table: &'a str,
    chain: &'a str,
    handle: Option<u64>,
    rule: Option<&'a str>,
    dropped: bool,
}
