//! The rules that Linkerd's own program makes of its flags, as text for iptables-restore: the oracle for what
//! its flags mean.

use std::fmt::Write;

/// What the flags say.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    pub incoming_port: u16,
    pub outgoing_port: u16,
    pub uid: i64,
    pub gid: i64,
    pub redirect: Vec<String>,
    pub inbound_ignore: Vec<String>,
    pub outbound_ignore: Vec<String>,
    /// Those of the family.
    pub subnets: Vec<String>,
}

/// The rules of a family.
pub fn text(settings: &Settings) -> String {
    let mut text = "*nat\n:PROXY_INIT_OUTPUT - [0:0]\n:PROXY_INIT_REDIRECT - [0:0]\n".to_owned();
    let mut add = |chain: &str, rule: String| writeln!(text, "-A {chain} {rule}").unwrap();
    let output = "PROXY_INIT_OUTPUT";
    add("OUTPUT", format!("-j {output}"));
    if settings.uid > 0 {
        add(
            output,
            format!("-m owner --uid-owner {} -j RETURN", settings.uid),
        );
    }
    if settings.gid > 0 {
        add(
            output,
            format!("-m owner --gid-owner {} -j RETURN", settings.gid),
        );
    }
    add(output, "-o lo -j RETURN".to_owned());
    let ignore = |ports: &[String]| {
        let ports = ports.iter().map(|ports| ports.replace('-', ":"));
        ports
            .map(|ports| format!("-p tcp -m multiport --dports {ports} -j RETURN"))
            .collect::<Vec<_>>()
    };
    for rule in ignore(&settings.outbound_ignore) {
        add(output, rule);
    }
    let redirect = |ports: &str, port| format!("-p tcp {ports}-j REDIRECT --to-ports {port}");
    add(output, redirect("", settings.outgoing_port));
    let inbound = "PROXY_INIT_REDIRECT";
    add("PREROUTING", format!("-j {inbound}"));
    for rule in ignore(&settings.inbound_ignore) {
        add(inbound, rule);
    }
    for subnet in &settings.subnets {
        add(inbound, format!("-s {subnet} -j RETURN"));
    }
    if settings.redirect.is_empty() {
        add(inbound, redirect("", settings.incoming_port));
    }
    for port in &settings.redirect {
        add(
            inbound,
            redirect(&format!("--dport {port} "), settings.incoming_port),
        );
    }
    text.push_str("COMMIT\n");
    text
}
