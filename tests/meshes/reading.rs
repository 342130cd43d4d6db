//! What flags and variables mean, and which take precedence.

mod linkerd;

use std::time::Duration;

use netweir::intent::{
    Capture, Families, Family, InboundMode, InboundPorts, Port, RangeSelection, Tproxy,
};
use netweir::meshes::{
    Action, CompatCommand, Environment, Istio, IstioFlag, Notice, Request, Show, Validation,
};
use netweir::options::{Format, Level, LogFormat, OptionSet, OptionValues, Origin};
use netweir::parse::NetworkNamespace;
use netweir_testkit::fakes::NoFiles;
use snapbox::{assert_data_eq, str};

use crate::istio_changes::CHANGES;
use crate::outcomes::{SomeNames, read};

pub(crate) fn port(number: u16) -> Port {
    Port::new(number).unwrap()
}

fn istio(flags: &[(IstioFlag, &str)], variables: &[(&str, &str)]) -> Request {
    read::<Istio>(flags, variables)
        .unwrap_or_else(|errors| panic!("{flags:?} {variables:?}: {errors:?}"))
}

/// The capture in a pod with addresses of both families, IPv4 first.
fn captured(request: &Request) -> Capture {
    let addresses = ["10.0.0.2", "fd00::2"].map(|text| text.parse().unwrap());
    let environment = Environment {
        addresses: addresses.to_vec(),
        resolv_conf: "nameserver 10.96.0.10\n".to_owned(),
    };
    request.capture(&environment).0
}

/// Without flags: the ports and owners that Istio's proxy has, and nothing to capture.
fn nothing() -> Capture {
    let mut capture = Capture {
        families: Families::Only(Family::Ipv4),
        ..Capture::default()
    };
    capture.inbound.ports = InboundPorts::Only([0u16; 0].into_iter().collect());
    capture.outbound.include_ranges = RangeSelection::Only([].into_iter().collect());
    capture
}

#[test]
fn istio_captures_nothing_by_default() {
    let request = istio(&[], &[]);
    assert_eq!(captured(&request), nothing());
    assert_eq!(request.action, Action::Install);
    assert_eq!((request.show, request.validation), (None, None));
    assert_eq!((request.namespace, request.notices), (None, vec![]));
}

#[test]
fn istio_flags_and_their_variables_have_the_same_effect() {
    for (flag, text, change) in CHANGES {
        let mut expected = nothing();
        change(&mut expected);
        let spec = flag.spec();
        if spec.long.is_some() {
            let request = istio(&[(*flag, text)], &[]);
            assert_eq!(captured(&request), expected, "{flag:?} {text:?}");
        }
        for variable in spec.variables {
            let request = istio(&[], &[(variable, text)]);
            assert_eq!(captured(&request), expected, "{variable} {text:?}");
        }
    }
    // Flags that have an effect only with another one.
    let both = [
        (IstioFlag::RedirectDns, "true"),
        (IstioFlag::CaptureAllDns, "true"),
    ];
    let dns = captured(&istio(&both, &[])).dns.unwrap();
    assert_eq!(dns.servers, RangeSelection::All);
    let all = [
        (IstioFlag::InboundPorts, "*"),
        (IstioFlag::InboundPortsExclude, "22"),
    ];
    assert_eq!(
        captured(&istio(&all, &[])).inbound.ports,
        InboundPorts::AllExcept([22].into_iter().collect())
    );
    let tproxy = [
        (IstioFlag::Mode, "TPROXY"),
        (IstioFlag::TproxyMark, "0x7"),
        (IstioFlag::TproxyTable, "7"),
    ];
    assert_eq!(
        captured(&istio(&tproxy, &[])).inbound.mode,
        InboundMode::Tproxy(Tproxy {
            mark: 7,
            outbound_mark: 1338,
            table: 7,
        })
    );
}

#[test]
fn every_istio_flag_has_a_change() {
    let of_capture = IstioFlag::ALL.iter().filter(|flag| {
        use netweir::options::Section::{Both, Inbound, Outbound, Proxy};
        [Proxy, Inbound, Outbound, Both].contains(&flag.spec().section)
    });
    for flag in of_capture {
        let tried = CHANGES.iter().any(|(own, ..)| own == flag);
        assert!(tried, "{flag:?}");
    }
}

#[test]
fn istio_variables_are_the_long_flags_in_upper_case() {
    for flag in IstioFlag::ALL {
        let spec = flag.spec();
        let Some(long) = spec.long else { continue };
        let name = long.to_uppercase().replace('-', "_");
        let own = spec
            .variables
            .last()
            .is_some_and(|variable| *variable == name);
        let without = ["format", "host", "print-options"].contains(&long)
            || long.starts_with("log_")
            || long == "vklog";
        assert!(own != without, "{long}: {:?}", spec.variables);
    }
}

#[test]
fn flags_override_variables_and_special_variables_general_ones() {
    let capture = |flags: &[_], variables: &[_]| captured(&istio(flags, variables));
    let flag = [(IstioFlag::InboundCapturePort, "1")];
    let variable = [("INBOUND_CAPTURE_PORT", "2")];
    assert_eq!(capture(&flag, &variable).proxy.inbound_port, port(1));
    // The variable is not even parsed.
    let bad = [("INBOUND_CAPTURE_PORT", "none")];
    assert_eq!(capture(&flag, &bad).proxy.inbound_port, port(1));
    for (special, general) in [
        ("ISTIO_META_DNS_CAPTURE", "REDIRECT_DNS"),
        ("INVALID_DROP", "DROP_INVALID"),
        ("ISTIO_DUAL_STACK", "DUAL_STACK"),
    ] {
        let one = capture(&[], &[(special, "true")]);
        assert_ne!(one, nothing());
        assert_eq!(capture(&[], &[(special, "true"), (general, "false")]), one);
        assert_eq!(
            capture(&[], &[(special, "false"), (general, "true")]),
            nothing()
        );
        // An empty variable counts as unset.
        assert_eq!(capture(&[], &[(special, ""), (general, "true")]), one);
        assert_eq!(capture(&[], &[(special, ""), (general, "")]), nothing());
    }
}

#[test]
fn istio_flags_select_action_and_output() {
    let with = |flag, text| istio(&[(flag, text)], &[]);
    assert_eq!(
        with(IstioFlag::SkipRuleApply, "true").action,
        Action::Nothing
    );
    assert_eq!(with(IstioFlag::CleanupOnly, "true").action, Action::Remove);
    assert_eq!(
        with(IstioFlag::DryRun, "true").show,
        Some(Show::Rules(Format::Nft))
    );
    assert_eq!(
        with(IstioFlag::PrintOptions, "true").show,
        Some(Show::Options)
    );
    let validation = with(IstioFlag::RunValidation, "true").validation;
    let expected = Validation {
        port: port(15002),
        within: Duration::from_secs(5),
    };
    assert_eq!(validation, Some(expected));
    let restored = [
        (IstioFlag::DryRun, "true"),
        (IstioFlag::RestoreFormat, "true"),
    ];
    assert_eq!(
        istio(&restored, &[]).show,
        Some(Show::Rules(Format::Iptables))
    );
    let with_format = [&restored[..], &[(IstioFlag::Format, "json")]].concat();
    assert_eq!(
        istio(&with_format, &[]).show,
        Some(Show::Rules(Format::Json))
    );
    let path = "/proc/7/ns/net";
    assert_eq!(
        with(IstioFlag::NetworkNamespace, path).namespace,
        Some(NetworkNamespace::Path(path.into()))
    );
    let request = istio(
        &[
            (IstioFlag::NativeNftables, "true"),
            (IstioFlag::ForceIptablesBinary, "legacy"),
        ],
        &[("CNI_MODE", "false")],
    );
    assert_eq!(captured(&request), nothing());
    let notices = request.notices.iter().map(|notice| match notice {
        Notice::Info(text) | Notice::Debug(text) => format!("{text}\n"),
        Notice::Warning(text) => panic!("{text}"),
    });
    assert_data_eq!(
        notices.collect::<String>(),
        str![[r"
--native-nftables: ignored: the rules are nf_tables rules anyway
--force-iptables-binary: ignored: no such program is run
CNI_MODE: ignored: the rules are the same in the CNI plugin

"]]
    );
}

#[test]
fn captures_what_istios_injector_asks_for() {
    let request = istio(
        &[
            (IstioFlag::EnvoyPort, "15001"),
            (IstioFlag::InboundCapturePort, "15006"),
            (IstioFlag::ProxyUid, "1337"),
            (IstioFlag::Mode, "REDIRECT"),
            (IstioFlag::RangesInclude, "*"),
            (IstioFlag::RangesExclude, ""),
            (IstioFlag::InboundPorts, "*"),
            (IstioFlag::InboundPortsExclude, "15090,15021,15020"),
            (IstioFlag::LogOutputLevel, "default:info"),
        ],
        &[],
    );
    let mut expected = Capture {
        families: Families::Only(Family::Ipv4),
        ..Capture::default()
    };
    let ports = [15090, 15021, 15020].into_iter().collect();
    expected.inbound.ports = InboundPorts::AllExcept(ports);
    assert_eq!(captured(&request), expected);
    assert_eq!(request.notices, []);
}

#[test]
fn istio_log_flags_set_format_and_level() {
    let options = |texts: &[(IstioFlag, &str)]| {
        let mut given = OptionValues::default();
        for (flag, text) in texts {
            given.set(*flag, Origin::Flag, (*text).to_owned());
        }
        let (options, request) = Istio::read(&given, &SomeNames, &NoFiles);
        request.unwrap();
        (options.format, options.level)
    };
    assert_eq!(options(&[]), (LogFormat::Plain, Level::Info));
    let both = [
        (IstioFlag::LogAsJson, "true"),
        (IstioFlag::LogOutputLevel, "default:debug"),
    ];
    assert_eq!(options(&both), (LogFormat::Json, Level::Debug));
}
