use proptest::prelude::*;

use super::*;

fn read(text: &str) -> (Vec<(Setting, String)>, String) {
    let (given, errors) = read_file("n.toml", text);
    let set = given.set_options();
    let set = set.map(|setting| (setting, given.text(setting).to_owned()));
    (set.collect(), lines(&errors))
}

#[test]
fn values_have_their_toml_types() {
    let (given, errors) = read(
        "inbound-port = 15_006\n\
             tunnel-port = \"none\"\n\
             exclude-inbound-ports = [22, \"9000-9010\", 0x50]\n\
             exclude-outbound-ports = \"3306,6379\"\n\
             proxy-uid = 1337\n\
             include-inbound-ports = []\n\
             drop-invalid = true\n\
             tproxy-mark = 0x10\n\
             outbound-mark = \"0x11\"\n\
             exclude-outbound-ports-for-uids = [\"tcp:22,80:7,8\", \"53:9\"]\n\
             verbose = 2\n",
    );
    assert_eq!(errors, "");
    let expected = [
        (Setting::InboundPort, "15006"),
        (Setting::TunnelPort, "none"),
        (Setting::ProxyUid, "1337"),
        (Setting::TproxyMark, "16"),
        (Setting::OutboundMark, "0x11"),
        (Setting::IncludeInboundPorts, ""),
        (Setting::ExcludeInboundPorts, "22,9000-9010,80"),
        (Setting::ExcludeOutboundPorts, "3306,6379"),
        (Setting::ExcludeOutboundPortsForUids, "tcp:22,80:7,8;53:9"),
        (Setting::DropInvalid, "true"),
        (Setting::Verbose, "2"),
    ];
    assert_eq!(
        given,
        expected.map(|(setting, text)| (setting, text.to_owned()))
    );
}

#[test]
fn every_wrong_key_and_type_is_reported() {
    let (_, errors) = read(
        "config = \"other.toml\"\n\
             drop-invalid = \"true\"\n\
             exclude-inbound-port = [1]\n\
             exclude-outbound-ports = [1, true, [2]]\n\
             exclude-outbound-ports-for-uids = 53\n\
             inbound-port = 1.5\n\
             netns = [\"a\"]\n\
             quiet = 1\n\
             verbose = true\n\
             xyzzy = 1\n\
             [outbound]\n",
    );
    assert_data_eq!(
        errors,
        str![[r#"
config in n.toml: not allowed in a configuration file; use a flag or a variable
drop-invalid in n.toml: expected true or false, found a string
exclude-inbound-port in n.toml: unknown option; did you mean exclude-inbound-ports
exclude-outbound-ports in n.toml: entry 2: expected a string or an integer
exclude-outbound-ports in n.toml: entry 3: expected a string or an integer
exclude-outbound-ports-for-uids in n.toml: expected an array or a string with semicolons, found an integer
inbound-port in n.toml: expected a string or an integer, found a float
netns in n.toml: expected a string or an integer, found an array
outbound in n.toml: unknown option; see --help
quiet in n.toml: expected true or false, found an integer
verbose in n.toml: expected an integer, found a boolean
xyzzy in n.toml: unknown option; see --help
"#]]
    );
}

#[test]
fn invalid_toml_is_reported_with_its_line() {
    let (given, errors) = read("inbound-port = 15006\n\ninbound-port = 15007\nx =\n");
    assert_eq!(given, []);
    assert_data_eq!(
        errors,
        str![[r#"
n.toml: line 3 is not valid TOML: duplicate key
n.toml: line 4 is not valid TOML: string values must be quoted, expected literal string
"#]]
    );
}

#[test]
fn a_misspelled_key_resembles_one_option() {
    assert_eq!(
        nearest("include-outbound-ip-range"),
        Some("include-outbound-ip-ranges")
    );
    assert_eq!(nearest("proxy_uid"), Some("proxy-uid"));
    assert_eq!(nearest("frobnicate"), None);
}

#[test]
fn recognises_misspelled_variables() {
    for setting in Setting::ALL {
        let variable = setting.spec().variables[0];
        assert_eq!(misspelled_variable(variable), None);
        let misspelled = variable.replacen("NETWEIR_", "NETWEIR_X", 1);
        let error = misspelled_variable(&misspelled).map(|error| error.to_string());
        // Three letters or fewer would be another word.
        if setting.spec().name.len() > 3 {
            let expected = format!("{misspelled}: unknown option; did you mean {variable}");
            assert_eq!(error, Some(expected));
        }
    }
    for variable in [
        "NETWEIR",
        "NETWEIR_",
        "EXCLUDE_OUTBOUND_PORT",
        "XNETWEIR_OUTBOUND_POR",
        // Of services called netweir, netweir-proxy and netweir-webhook.
        "NETWEIR_SERVICE_HOST",
        "NETWEIR_SERVICE_PORT",
        "NETWEIR_SERVICE_PORT_HTTPS",
        "NETWEIR_PORT",
        "NETWEIR_PORT_443_TCP",
        "NETWEIR_PORT_443_TCP_ADDR",
        "NETWEIR_PORT_443_TCP_PORT",
        "NETWEIR_PORT_443_TCP_PROTO",
        "NETWEIR_PROXY_PORT",
        "NETWEIR_WEBHOOK_PORT",
        // Of the installer.
        "NETWEIR_CNI_BIN_DIR",
        "NETWEIR_CNI_CONF_DIR",
        "NETWEIR_CNI_PLUGIN_CONFIG",
        "NETWEIR_CNI_ONCE",
        "NETWEIR_CNI_READY_FILE",
        "NETWEIR_CNI_HEALTH",
        "NETWEIR_CNI_UNINSTALL_ON_EXIT",
    ] {
        assert_eq!(misspelled_variable(variable), None, "{variable}");
    }
}

proptest! {
    #[test]
    fn any_file_is_read_or_refused(text in prop_oneof![any::<String>(), "([a-z-]{1,9} ?= ?[0-9a-z\"', .{}\\[\\]-]{0,20}\n){0,5}"]) {
        // Any text gives options or errors.
        let (given, errors) = read_file("n.toml", &text);
        prop_assert!(errors.is_empty() || given == OptionValues::default() || errors.iter().all(|m| m.option != "n.toml"));
    }

    #[test]
    fn an_array_is_its_entries_with_commas_between(
        numbers in prop::collection::vec(any::<u32>(), 0..20),
        quoted in any::<u32>(),
    ) {
        let entry = |(index, number): (usize, &u32)| match quoted >> index & 1 {
            0 => number.to_string(),
            _ => format!("'{number}'"),
        };
        let array: Vec<_> = numbers.iter().enumerate().map(entry).collect();
        let text = format!("exclude-outbound-uids = [{}]", array.join(",\n"));
        let (given, errors) = read_file("n.toml", &text);
        prop_assert_eq!(errors, []);
        let expected = numbers.iter().map(u32::to_string).collect::<Vec<_>>().join(",");
        prop_assert_eq!(given.text(Setting::ExcludeOutboundUids), expected.as_str());
    }
}
