//! The report of a traced connection, as text and as JSON.

use std::fmt;
use std::net::SocketAddr;

use serde::Serialize;

use crate::connection::ConnectionJson;
use crate::explain::{Verdict, listener, no_address, purpose};
use crate::intent::Port;
use crate::json;
use crate::printable::printable;
use crate::ruleset::{End, Match, OwnerKind, Rule, RuleId, Statement, TABLE, Test};

use super::{After, Message, Rules, Traced};

/// The version of the JSON output. It grows when a field is removed or changes its meaning; fields may be added at any
/// time.
pub const SCHEMA: u32 = 1;

/// What the rules did with a new connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceReport<'a> {
    seen: &'a Traced,
    /// `None` if the rules were changed meanwhile.
    verdict: Option<Verdict>,
    /// The position of the message that decided.
    decider: Option<usize>,
    /// The rule of each message; `None` for rules of other tables.
    rules: Vec<Option<&'a Rule>>,
}

impl<'a> TraceReport<'a> {
    /// Matches the messages with the rules.
    #[must_use]
    pub fn new(seen: &'a Traced, rules: &'a Rules) -> Self {
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

    /// The id of the deciding rule.
    fn id(&self) -> Option<&RuleId> {
        let rule = self.rules.get(self.decider?).copied().flatten();
        rule.map(|rule| &rule.id)
    }

    /// The deciding rule, also of another table.
    fn decided_by(&self) -> Option<String> {
        self.decider.and_then(|position| self.name(position))
    }

    fn port(&self) -> Option<Port> {
        self.verdict.and_then(Verdict::port)
    }

    /// What is true of the connections that the deciding rule is for, and why they do not reach the proxy. A redirect of
    /// an arriving packet drops it where the interface has no address (`nf_nat_redirect_ipv4`).
    fn reason(&self) -> Option<String> {
        let purpose = self.id().and_then(purpose)?;
        let rule = self.rules.get(self.decider?).copied().flatten()?;
        let is_lost = self.verdict == Some(Verdict::Drop) && rule.redirects();
        let interface = self.seen.interface().filter(|_| is_lost);
        let family = self.seen.headers.addresses.family();
        Some(match interface {
            Some(interface) => format!("{purpose}; {}", no_address(interface, family)),
            None => purpose,
        })
    }

    fn name(&self, position: usize) -> Option<String> {
        let message = self.seen.met.get(position)?;
        let rule = self.rules.get(position).copied().flatten();
        Some(rule.map_or_else(|| place(message), |rule| rule.id.to_string()))
    }

    /// The other rules that it met.
    fn also(&self) -> Vec<String> {
        let positions = 0..self.seen.met.len();
        positions
            .filter(|position| self.decider != Some(*position))
            .filter_map(|position| self.name(position))
            .collect()
    }

    /// The destination that it reached, if that differs from the original one.
    fn elsewhere(&self) -> Option<String> {
        let (addresses, transport) = self.seen.went_to?;
        let headers = &self.seen.headers;
        let sent = headers
            .addresses
            .endpoint(headers.transport, End::Destination);
        let went = addresses.endpoint(transport, End::Destination);
        (went != sent).then_some(went)
    }

    /// The owner of the socket, or else the owner that a rule it met matched on.
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

    /// The written form of the connection, as far as it is known.
    fn connection(&self) -> String {
        let seen = self.seen;
        let headers = &seen.headers;
        let [to, from] = [End::Destination, End::Source]
            .map(|end| headers.addresses.endpoint(headers.transport, end));
        let direction = seen.direction.name().to_owned();
        let protocol = headers.transport.keyword();
        let mut words = vec![direction, protocol, to, format!("from={from}")];
        words.extend(
            seen.interface()
                .map(|name| format!("dev={}", printable(name))),
        );
        words.extend(self.owner(OwnerKind::Uid).map(|uid| format!("uid={uid}")));
        words.extend(self.owner(OwnerKind::Gid).map(|gid| format!("gid={gid}")));
        words.extend((headers.mark != 0).then(|| format!("mark={:#x}", headers.mark)));
        words.join(" ")
    }

    /// A JSON object on one line, with this time.
    #[must_use]
    pub fn json(&self, time: &str) -> String {
        let seen = self.seen;
        let headers = &seen.headers;
        json::line(&ReportJson {
            version: SCHEMA,
            time,
            verdict: self.verdict.map_or("unknown", Verdict::name),
            port: self.port().map(Port::number),
            server: self.verdict.and_then(Verdict::server),
            rule: self.decided_by(),
            because: self.reason(),
            connection: ConnectionJson {
                dev: seen.interface(),
                uid: self.owner(OwnerKind::Uid),
                gid: self.owner(OwnerKind::Gid),
                mark: headers.mark,
                ..ConnectionJson::new(
                    self.connection(),
                    seen.direction,
                    headers.addresses,
                    headers.transport,
                )
            },
            went_to: seen
                .went_to
                .map(|(addresses, transport)| addresses.endpoint(transport, End::Destination)),
            met: seen
                .met
                .iter()
                .zip(&self.rules)
                .map(|(message, rule)| MetJson {
                    table: &message.table,
                    chain: &message.chain,
                    handle: message.rule,
                    rule: rule.map(|rule| &rule.id),
                    dropped: message.after == After::Dropped,
                })
                .collect(),
        })
    }
}

impl fmt::Display for TraceReport<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(f, &str::to_owned)
    }
}

impl TraceReport<'_> {
    /// The verdict; `None` if it is unknown.
    #[must_use]
    pub const fn verdict(&self) -> Option<Verdict> {
        self.verdict
    }

    /// One line of text: the connection, the verdict with its rule, and the other rules that it met. `highlight` is
    /// applied to the verdict.
    pub fn text(&self, highlight: impl Fn(&str) -> String) -> String {
        let mut text = String::new();
        self.write(&mut text, &highlight)
            .expect("writing to a string succeeds");
        text
    }

    fn write(&self, f: &mut dyn fmt::Write, highlight: &dyn Fn(&str) -> String) -> fmt::Result {
        write!(f, "{}: ", self.connection())?;
        let id = self.id();
        let mut verdict = match self.verdict {
            Some(verdict) => verdict.to_string(),
            None => "outcome unknown (the rules were changed meanwhile)".to_owned(),
        };
        let is_captured = self.port().is_some();
        if let Some(listener) = id.and_then(listener).filter(|_| is_captured) {
            verdict = format!("{verdict}, {listener}");
        }
        f.write_str(&highlight(&verdict))?;
        match self.decided_by() {
            Some(name) => write!(f, ", by {name}")?,
            None if self.verdict.is_some() => f.write_str(", by no rule")?,
            None => {}
        }
        if let Some(reason) = self.reason() {
            write!(f, ": it {reason}")?;
        }
        match (self.verdict, self.elsewhere()) {
            (Some(Verdict::Leave), Some(elsewhere)) => {
                write!(f, "; rules of other tables sent it to {elsewhere}")?;
            }
            (None, Some(elsewhere)) => write!(f, "; it went to {elsewhere}")?,
            (
                Some(Verdict::Redirect(_) | Verdict::Tproxy(_) | Verdict::Dnat(..) | Verdict::Drop),
                _,
            )
            | (_, None) => {}
        }
        if self.seen.went_to.is_none() && self.verdict != Some(Verdict::Drop) {
            f.write_str("; outcome not seen (stopped outside nf_tables)")?;
        }
        match self.also().as_slice() {
            [] => Ok(()),
            others => write!(f, "; also matched: {}", others.join(", ")),
        }
    }
}

impl Traced {
    /// Whether the last rule dropped it.
    fn is_dropped(&self) -> bool {
        let last = self.met.last();
        last.is_some_and(|last| last.after == After::Dropped)
    }
}

fn is_own(message: &Message) -> bool {
    message.table.strip_prefix("inet ") == Some(TABLE) && message.rule.is_some()
}

fn rule_of<'a>(message: &Message, rules: &'a Rules) -> Option<&'a Rule> {
    let handle = message.rule.filter(|_| is_own(message))?;
    let mut rules = rules.iter();
    let known = rules.find(|known| known.handle == handle && known.chain == message.chain)?;
    Some(&known.rule)
}

/// The verdict, and the message that decided: the one that dropped the packet, else the last rule that captured it, else
/// the last rule that bypassed a chain.
fn decision(seen: &Traced, met: &[Option<&Rule>], rules: &Rules) -> (Verdict, Option<usize>) {
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

/// The last rule that bypassed a chain which could have captured the packet. For a packet that returns on `lo`, the
/// output hook decided.
fn left_by(seen: &Traced, met: &[Option<&Rule>], rules: &Rules) -> Option<usize> {
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

/// The verdict of a capturing rule.
fn captures(rule: &Rule) -> Option<Verdict> {
    let mut statements = rule.statements.iter();
    statements.find_map(|statement| match statement {
        Statement::Redirect(port) => Some(Verdict::Redirect(*port)),
        Statement::Tproxy(_, port) => Some(Verdict::Tproxy(*port)),
        Statement::Dnat(to, port) => Some(Verdict::Dnat(*to, *port)),
        Statement::SetPacketMark(_)
        | Statement::SetConnectionMark(_)
        | Statement::RestoreMark
        | Statement::SetZone(_)
        | Statement::Accept
        | Statement::Drop => None,
    })
}

/// A rule of another table, or an unknown rule.
fn place(message: &Message) -> String {
    let Message { table, chain, .. } = message;
    match message.rule {
        Some(handle) => format!("rule {handle} of {table} {chain}"),
        None => format!("the policy of {table} {chain}"),
    }
}

#[derive(Serialize)]
struct ReportJson<'a> {
    version: u32,
    time: &'a str,
    verdict: &'static str,
    port: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    server: Option<SocketAddr>,
    rule: Option<String>,
    because: Option<String>,
    connection: ConnectionJson<'a>,
    went_to: Option<String>,
    met: Vec<MetJson<'a>>,
}

#[derive(Serialize)]
struct MetJson<'a> {
    table: &'a str,
    chain: &'a str,
    handle: Option<u64>,
    rule: Option<&'a RuleId>,
    dropped: bool,
}
