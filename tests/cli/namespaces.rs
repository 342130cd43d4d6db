//! `--netns`.

use std::process::Command;

use crate::program::{Run, run};

/// What the script does as root of new user, mount and network namespaces, with a network namespace named `pod` and
/// the program as `$netweir`.
fn beside_a_pod(script: &str) -> Run {
    let set_up = "set -e; mount -t tmpfs tmpfs /run; ip netns add pod; tables() { nft list tables; }\n\
                  in_pod() { nsenter --net=/run/netns/pod \"$@\"; }\n";
    let unshare = ["--user", "--map-root-user", "--mount", "--net", "sh", "-c"];
    run(Command::new("unshare")
        .args(unshare)
        .arg(format!("{set_up}{script}"))
        .env_clear()
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .env("netweir", env!("CARGO_BIN_EXE_netweir")))
}

#[test]
fn accepts_a_name_a_path_and_a_process_id() {
    let run = beside_a_pod(
        "mkfifo /run/started /run/end\n\
         in_pod sh -c 'echo > /run/started; read -r _ < /run/end' &\n\
         read -r _ < /run/started\n\
         for namespace in pod /run/netns/pod $!; do\n\
             $netweir apply --netns $namespace 2>&1\n\
             in_pod nft list tables; nft list tables\n\
             $netweir remove --netns $namespace 2>&1\n\
             in_pod nft list tables\n\
         done\n\
         echo > /run/end\n",
    );
    let each = "info: installed: traffic is captured from now on rules=17\n\
                table inet netweir\n\
                info: removed: traffic is no longer captured\n";
    assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""));
    assert_eq!(run.stdout, each.repeat(3));
}

#[test]
fn automatic_families_use_addresses_of_the_namespace() {
    let run = beside_a_pod(
        "in_pod ip link add eth0 type veth peer name peer; in_pod ip link set eth0 up\n\
         ip link set lo up; ip addr add 192.0.2.9/32 dev lo\n\
         families() { $netweir apply --dry-run --ip-families auto --netns pod 2>&1 | grep -Eo 'leave-ipv.|global' | sort -u; }\n\
         in_pod ip addr add 169.254.0.1/16 dev eth0; in_pod ip addr add fe80::1/64 dev eth0 nodad\n\
         families; echo -\n\
         in_pod ip addr add 192.0.2.1/24 dev eth0; families; echo -\n\
         in_pod ip addr add 2001:db8::1/64 dev eth0 nodad; families; echo -\n\
         in_pod ip addr del 192.0.2.1/24 dev eth0; families\n",
    );
    assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""));
    // Without an address: both, with a warning. Then IPv4 alone, both, IPv6 alone.
    assert_eq!(run.stdout, "global\n-\nleave-ipv6\n-\n-\nleave-ipv4\n");
}

#[test]
fn refuses_what_is_no_network_namespace() {
    for (file, error) in [
        (
            "/proc/self/ns/user",
            "/proc/self/ns/user is not a network namespace",
        ),
        ("/dev/null", "/dev/null is not a network namespace"),
        ("/run/pipe", "/run/pipe is not a network namespace"),
    ] {
        let run = beside_a_pod(&format!(
            "mkfifo /run/pipe; exec $netweir apply --netns {file}"
        ));
        assert_eq!(
            (run.code, run.stderr),
            (Some(1), format!("error: --netns: {error}\n"))
        );
    }
}

/// Without `/proc` the plugin cannot tell whether a namespace is the runtime's own.
#[test]
fn plugin_refuses_what_it_cannot_compare_with_its_own_namespace() {
    let run = beside_a_pod(
        r#"mount -t tmpfs tmpfs /proc
           export CNI_COMMAND=ADD CNI_CONTAINERID=c CNI_IFNAME=eth0 CNI_PATH=/bin CNI_NETNS=/run/netns/pod
           result='{"cniVersion": "1.1.0", "ips": [{"address": "10.1.0.2/24"}]}'
           echo "{\"cniVersion\": \"1.1.0\", \"name\": \"n\", \"type\": \"netweir\", \"policy\": \"all\", \"prevResult\": $result}" |
               $netweir || true
           in_pod nft list tables"#,
    );
    let details = "\"code\":4,\"msg\":\"CNI_NETNS is wrong\",\"details\":\"CNI_NETNS: cannot compare /run/netns/pod with \
                   /proc/thread-self/ns/net, the network namespace of the runtime itself: No such file or directory";
    assert!(run.stdout.contains(details), "{}{}", run.stdout, run.stderr);
    assert!(!run.stdout.contains("table inet"), "{}", run.stdout);
}

#[test]
fn missing_capability_is_reported_by_name() {
    let run =
        beside_a_pod("exec setpriv --bounding-set=-all,+net_admin $netweir apply --netns pod");
    let error = "error: CAP_SYS_ADMIN is missing; --netns needs it to enter another network namespace: use sudo, or \
                 run netweir inside that namespace\n";
    assert_eq!((run.code, run.stderr.as_str()), (Some(4), error));
}

#[test]
fn error_for_root_says_how_to_grant_the_capability() {
    let run = beside_a_pod("exec setpriv --bounding-set=-all $netweir apply");
    let error = "error: CAP_NET_ADMIN is missing; in a container, add the capability NET_ADMIN\n";
    assert_eq!((run.code, run.stderr.as_str()), (Some(4), error));
}

#[test]
fn cannot_enter_a_namespace_of_another_user_namespace() {
    // The namespace of this test belongs to another user namespace, for every user that runs the test.
    let run = beside_a_pod("exec $netweir apply --netns $PPID");
    assert_eq!(run.code, Some(4), "{}", run.stderr);
    assert!(
        run.stderr.contains("network namespace /proc/"),
        "{}",
        run.stderr
    );
}
