//! The decision on a pod, for its annotations as JSON; the first line is `CNI_ARGS`.
#![no_main]

use libfuzzer_sys::fuzz_target;
use netweir::cni::explain;
use netweir_testkit::fakes::NoFiles;

fuzz_target!(|text: &str| {
    let (arguments, text) = text.split_once('\n').unwrap_or(("", text));
    if let Ok(explanation) = explain(text, arguments, &NoFiles) {
        let shown = explanation.to_string();
        assert!(shown.starts_with("decision: "), "{shown}");
        // A pod that would start has the command with the same effect, or is bypassed.
        let has_command = shown.contains("\ncommand:  netweir apply");
        let is_captured = shown.starts_with("decision: capture\n");
        assert_eq!(has_command, is_captured, "{shown}");
        assert_eq!(
            explanation.is_decided(),
            !shown.starts_with("decision: fail")
        );
    }
});
