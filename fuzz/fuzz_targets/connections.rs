//! The written form of a connection, and where its packets go.
#![no_main]

use libfuzzer_sys::fuzz_target;
use netweir::connection::ConnectionSpec;
use netweir::explain::{complete, evaluate};
use netweir::intent::Capture;
use netweir::plan::plan;
use netweir_testkit::fakes::{NoNetwork, NoUsers};

fuzz_target!(|text: &str| {
    match ConnectionSpec::parse(text, &NoUsers) {
        Ok(spec) => {
            let connection = complete(&spec, &NoNetwork).connection;
            let _ = evaluate(&plan(&Capture::default()), &connection);
            // What is printed for a connection means the same connection.
            let written = connection.to_string();
            let again = ConnectionSpec::parse(&written, &NoUsers);
            let again = again.unwrap_or_else(|errors| panic!("{written}: {errors:?}"));
            assert_eq!(
                complete(&again, &NoNetwork).connection,
                connection,
                "{written}"
            );
        }
        Err(errors) => assert!(!errors.is_empty()),
    }
});
