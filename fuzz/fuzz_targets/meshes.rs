//! Command lines of the meshes' own programs, one `NAME=VALUE` in each line.
#![no_main]

use libfuzzer_sys::fuzz_target;
use netweir::meshes::{CompatCommand, Consul, Istio, Kuma, Linkerd, LinkerdValidator};
use netweir::options::{OptionSet, OptionValues, Origin};
use netweir::plan::plan;
use netweir_fuzz::ENVIRONMENT;
use netweir_testkit::fakes::{NoFiles, NoUsers};

fuzz_target!(|text: &str| {
    read::<Istio>(text);
    read::<Linkerd>(text);
    read::<LinkerdValidator>(text);
    read::<Kuma>(text);
    read::<Consul>(text);
});

fn read<C: CompatCommand>(text: &str) {
    let mut values = OptionValues::<C::Flag>::by_key();
    for line in text.lines() {
        let (name, value) = line.split_once('=').unwrap_or((line, ""));
        let all = C::Flag::ALL.iter();
        if let Some(flag) = all.copied().find(|flag| flag.spec().name == name) {
            values.set(flag, Origin::Flag, value.to_owned());
        }
    }
    match C::read(&values, &NoUsers, &NoFiles).1 {
        Ok(request) => drop(plan(&request.capture(&ENVIRONMENT).0)),
        Err(errors) => assert!(!errors.is_empty()),
    }
}
