//! Statements: marks, zones, redirection and verdicts.

use super::header::{address, read_port};
use super::metadata::number;
use super::reader::Reader;
use crate::intent::{Family, Port};
use crate::netlink::octets;
use crate::nftables::expression::{Ct, Expression, Meta};
use crate::ruleset::Statement;

pub(super) fn encode(code: &mut Vec<Expression>, statement: Statement) {
    let port = |port: Port| Expression::Immediate(port.number().to_be_bytes().to_vec());
    let number = |number: u32| Expression::Immediate(number.to_ne_bytes().to_vec());
    match statement {
        Statement::SetPacketMark(mark) => {
            code.extend([number(mark), Expression::SetMeta(Meta::Mark)]);
        }
        Statement::SetConnectionMark(mark) => {
            code.extend([number(mark), Expression::SetCt(Ct::Mark)]);
        }
        Statement::RestoreMark => code.extend([
            Expression::LoadCt(Ct::Mark),
            Expression::SetMeta(Meta::Mark),
        ]),
        Statement::SetZone(zone) => code.extend([
            Expression::Immediate(zone.to_ne_bytes().to_vec()),
            Expression::SetCt(Ct::Zone),
        ]),
        Statement::Tproxy(family, to) => code.extend([port(to), Expression::Tproxy(family)]),
        Statement::Redirect(to) => code.extend([port(to), Expression::Redirect]),
        Statement::Dnat(to, at) => code.extend([
            Expression::Immediate(octets(to)),
            Expression::ImmediatePort(at.number().to_be_bytes()),
            Expression::Dnat(Family::of(to)),
        ]),
        Statement::Accept => code.push(Expression::Verdict { accept: true }),
        Statement::Drop => code.push(Expression::Verdict { accept: false }),
    }
}

impl Reader<'_> {
    /// The statement that begins with the value. Those without one are verdicts and, after loading the connection's mark,
    /// [`Statement::RestoreMark`].
    pub(super) fn read_statement(&mut self, value: &[u8]) -> Option<Statement> {
        Some(match self.next()? {
            Expression::SetMeta(Meta::Mark) => Statement::SetPacketMark(number(value)?),
            Expression::SetCt(Ct::Mark) => Statement::SetConnectionMark(number(value)?),
            Expression::SetCt(Ct::Zone) => {
                Statement::SetZone(u16::from_ne_bytes(value.try_into().ok()?))
            }
            Expression::Redirect => Statement::Redirect(read_port(value)?),
            Expression::Tproxy(family) => Statement::Tproxy(*family, read_port(value)?),
            Expression::ImmediatePort(port) => {
                let port = read_port(port)?;
                let Expression::Dnat(family) = self.next()? else {
                    return None;
                };
                Statement::Dnat(address(*family, value)?, port)
            }
            _ => return None,
        })
    }
}
