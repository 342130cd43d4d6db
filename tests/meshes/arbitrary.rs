//! Arbitrary values: each is accepted or refused, and what is accepted makes valid rules and can be printed as options.

use netweir::meshes::{CompatCommand, Environment, Istio, Kuma, Linkerd, LinkerdFlag};
use netweir::options::{OptionSet, OptionValues, Origin};
use netweir::plan::plan;
use netweir_testkit::effort::effort;
use netweir_testkit::fakes::NoFiles;
use netweir_testkit::well_formed::check;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::TestCaseError;

use crate::outcomes::{SomeNames, assert_round_trip};

/// Any text, texts of the characters of values, and valid values.
fn text<F: OptionSet>(flag: F) -> impl Strategy<Value = String> {
    let spec = flag.spec();
    let own = [Some(spec.example), spec.default.text()];
    prop_oneof![
        1 => any::<String>(),
        2 => "[0-9a-f.:/,*+ -]{0,20}",
        1 => "(true|false|[0-9]{1,5}|10[.]0[.]0[.]0/8|fd00::/8|eth0[+]?)(,[0-9]{1,5})?",
        4 => select(own.into_iter().flatten().map(str::to_owned).collect::<Vec<_>>()),
    ]
}

fn texts<F: OptionSet + std::fmt::Debug>() -> impl Strategy<Value = Vec<(F, String)>> {
    let one = select(F::ALL.to_vec()).prop_flat_map(|flag| (Just(flag), text(flag)));
    vec(one, 0..6)
}

fn is_accepted_or_refused<P: CompatCommand>(
    given: Vec<(P::Flag, String)>,
) -> Result<(), TestCaseError> {
    let mut texts = OptionValues::default();
    for (flag, text) in given {
        texts.set(flag, Origin::Flag, text);
    }
    let environment = Environment {
        addresses: vec!["10.0.0.2".parse().unwrap(), "fd00::2".parse().unwrap()],
        resolv_conf: "nameserver 10.96.0.10\nnameserver x\n".to_owned(),
    };
    match P::read(&texts, &SomeNames, &NoFiles).1 {
        Ok(request) => {
            let (capture, _) = request.capture(&environment);
            prop_assert_eq!(check(&plan(&capture)), Ok(()));
            assert_round_trip(&capture)
        }
        Err(errors) => {
            prop_assert!(!errors.is_empty());
            for error in errors {
                prop_assert!(!error.to_string().contains('\n'), "{}", error);
            }
            Ok(())
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: effort(1000, 1000 * 20),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn values_of_istio_flags_are_accepted_or_refused(given in texts()) {
        is_accepted_or_refused::<Istio>(given)?;
    }

    #[test]
    fn values_of_kuma_flags_are_accepted_or_refused(given in texts()) {
        is_accepted_or_refused::<Kuma>(given)?;
    }

    #[test]
    fn values_of_linkerd_flags_are_accepted_or_refused(mut given in texts()) {
        let ports = [LinkerdFlag::IncomingProxyPort, LinkerdFlag::OutgoingProxyPort];
        given.extend(ports.map(|port| (port, "4143".to_owned())));
        is_accepted_or_refused::<Linkerd>(given)?;
    }
}
