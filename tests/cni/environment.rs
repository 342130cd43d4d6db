//! Variables that are missing or wrong.

use serde_json::json;

use crate::runtime::{Call, config};

fn complaint(command: &str, variables: &[(&str, &str)]) -> String {
    let call = Call::new(command, &config(&json!({"policy": "all"})));
    let set = |call: Call, (name, value): &(&str, &str)| call.variable(name, value);
    let (code, message, details) = variables.iter().fold(call, set).run().error();
    // The specification wants the names in the message.
    let mut names: Vec<_> = details
        .split("; ")
        .filter_map(|error| error.split([' ', ':']).next())
        .filter(|name| name.starts_with("CNI_"))
        .collect();
    names.dedup();
    let expected = format!(
        "the runtime's CNI variables are wrong: {}",
        names.join(", ")
    );
    assert_eq!((code, message), (4, expected));
    details
}

#[test]
fn every_missing_variable_is_named() {
    let none = [
        ("CNI_CONTAINERID", ""),
        ("CNI_NETNS", ""),
        ("CNI_IFNAME", ""),
    ];
    for command in ["ADD", "CHECK"] {
        assert_eq!(
            complaint(command, &none),
            "CNI_CONTAINERID is missing; CNI_IFNAME is missing; CNI_NETNS is missing"
        );
    }
}

#[test]
fn errors_quote_the_wrong_value() {
    for (name, value, expected) in [
        (
            "CNI_COMMAND",
            "add",
            "CNI_COMMAND: expected ADD, DEL, CHECK, STATUS, GC or VERSION, found \"add\"",
        ),
        ("CNI_COMMAND", "", "CNI_COMMAND is missing"),
        (
            "CNI_CONTAINERID",
            "../x",
            "CNI_CONTAINERID: expected a container id (letters, digits, and after the first also _ . -), found \"../x\"",
        ),
        (
            "CNI_IFNAME",
            "eth0/1",
            "CNI_IFNAME: expected an interface name (1-15 bytes, without / : and white space), found \"eth0/1\"",
        ),
        (
            "CNI_ARGS",
            "K8S_POD_NAME=web;what;IgnoreUnknown=1",
            "CNI_ARGS: expected KEY=VALUE pairs separated by semicolons, found \"what\"",
        ),
    ] {
        assert_eq!(complaint("ADD", &[(name, value)]), expected);
    }
}

#[test]
fn a_namespace_must_be_one_of_a_pod() {
    for (path, expected) in [
        (
            "/nonexistent/netns",
            "there is no network namespace /nonexistent/netns",
        ),
        ("/dev/null", "/dev/null is not a network namespace"),
        (
            "/proc/self/ns/mnt",
            "/proc/self/ns/mnt is not a network namespace",
        ),
        (
            "/proc/self/ns/net",
            "/proc/self/ns/net is the network namespace of the runtime itself",
        ),
    ] {
        let call = Call::new("ADD", &config(&json!({"policy": "all"})));
        let (code, message, details) = call.variable("CNI_NETNS", path).run().error();
        // An ordinary user first gets the error that it takes privileges to find out.
        if (code, message.as_str()) == (101, "the plugin lacks privileges") {
            assert!(!nix::unistd::geteuid().is_root());
            continue;
        }
        assert_eq!((code, message.as_str()), (4, "CNI_NETNS is wrong"));
        assert_eq!(details, format!("CNI_NETNS: {expected}"));
    }
}

#[test]
fn errors_name_the_pod_as_far_as_it_is_known() {
    let config = config(&json!({"runtimeConfig": null}));
    for (arguments, expected) in [
        (
            "K8S_POD_NAME=web;IgnoreUnknown=1;K8S_POD_NAMESPACE=shop",
            "pod shop/web",
        ),
        ("K8S_POD_NAMESPACE=shop;K8S_POD_NAME=web", "pod shop/web"),
        ("IgnoreUnknown=1;K8S_POD_NAME=web", "pod web"),
        ("K8S_POD_NAME=", "container 4711abc"),
        ("", "container 4711abc"),
    ] {
        let call = Call::new("ADD", &config).variable("CNI_ARGS", arguments);
        let (code, message, _) = call.run().error();
        assert_eq!(code, 104);
        assert_eq!(
            message,
            format!("cannot tell whether to capture {expected}")
        );
    }
}
