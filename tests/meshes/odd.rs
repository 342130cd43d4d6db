//! Odd texts: there is an answer to each, and what is accepted can be carried out and written as options.

use netweir::meshes::{CompatCommand, Istio, Linkerd, LinkerdFlag, Surroundings};
use netweir::options::{OptionSet, OptionValues, Origin};
use netweir::plan::plan;
use netweir_testkit::effort::effort;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::TestCaseError;

use crate::fates::{SomeNames, comes_back};

/// Any text, texts of the characters that values are made of, and values.
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

fn has_an_answer<P: CompatCommand>(given: Vec<(P::Flag, String)>) -> Result<(), TestCaseError> {
    let mut texts = OptionValues::default();
    for (flag, text) in given {
        texts.set(flag, Origin::Flag, text);
    }
    let surroundings = Surroundings {
        addresses: vec!["10.0.0.2".parse().unwrap(), "fd00::2".parse().unwrap()],
        resolv_conf: "nameserver 10.96.0.10\nnameserver x\n".to_owned(),
    };
    let _ = P::log_options(&texts);
    match P::read(&texts, &SomeNames) {
        Ok(request) => {
            let (capture, _) = request.capture(&surroundings);
            prop_assert_eq!(plan(&capture).check(), Ok(()));
            comes_back(&capture)
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
        cases: effort(1000, 1000 * 50),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn istios_flags_have_an_answer(given in texts()) {
        has_an_answer::<Istio>(given)?;
    }

    #[test]
    fn linkerds_flags_have_an_answer(mut given in texts()) {
        let ports = [LinkerdFlag::IncomingProxyPort, LinkerdFlag::OutgoingProxyPort];
        given.extend(ports.map(|port| (port, "4143".to_owned())));
        has_an_answer::<Linkerd>(given)?;
    }
}
