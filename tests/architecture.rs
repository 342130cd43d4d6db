//! Only the rooms that are meant to touch the operating system do.

#![allow(
    clippy::unwrap_used,
    reason = "a test fails by panicking, in its own functions, too"
)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use syn::visit::{self, Visit};

/// The modules that compute and nothing else.
const PURE: &[&str] = &[
    "connection",
    "drift",
    "error_kind",
    "explain",
    "graph",
    "intent",
    "meshes",
    "metadata",
    "options",
    "parse",
    "plan",
    "printable",
    "render",
    "ruleset",
    "status",
    "trace",
];

/// The modules that have to do with the operating system.
const IMPURE: &[&str] = &[
    "app",
    "cli",
    "cni",
    "exit_code",
    "log",
    "netlink",
    "nftables",
    "node",
    "process",
    "rtnetlink",
    "sys",
    "verify",
];

/// The parts of the node agent that only compute.
const PURE_OF_NODE: [&str; 5] = ["conflist", "entry", "health", "json", "reconcile"];

/// What of the plugin only computes.
const PURE_OF_CNI: [&str; 7] = [
    "annotations",
    "code",
    "config",
    "environment",
    "policy",
    "request",
    "version",
];

/// What leads to the operating system, or to the modules that do.
const OUTSIDE: [&str; 26] = [
    "caps",
    "clap",
    "crate::app",
    "crate::cli",
    "crate::log",
    "crate::netlink",
    "crate::nftables",
    "crate::process",
    "crate::rtnetlink",
    "crate::sys",
    "crate::verify",
    "humantime",
    "libc",
    "mnl",
    "nftnl",
    "nix",
    "std::env",
    "std::fs",
    "std::io",
    "std::net::Tcp",
    "std::net::Udp",
    "std::os",
    "std::process",
    "std::thread",
    "std::time::Instant",
    "std::time::SystemTime",
];

/// The macros that print.
const PRINTING: [&str; 5] = ["dbg", "eprint", "eprintln", "print", "println"];

/// Every path of a file that leads outside.
#[derive(Default)]
struct Exits(BTreeSet<String>);

impl Exits {
    fn note(&mut self, path: &[String]) {
        let path = path.join("::");
        let leads_outside = |outside: &str| {
            path.strip_prefix(outside).is_some_and(|rest| {
                // Of `std::net` there are types to refuse, of the others whole modules.
                rest.is_empty() || rest.starts_with("::") || outside.starts_with("std::net")
            })
        };
        if OUTSIDE.iter().any(|outside| leads_outside(outside)) {
            self.0.insert(path);
        }
    }

    /// The paths that a `use` brings in, each as if it were written alone.
    fn follow(&mut self, before: &[String], tree: &syn::UseTree) {
        let with = |name: &syn::Ident| [before, &[name.to_string()]].concat();
        match tree {
            syn::UseTree::Path(path) => self.follow(&with(&path.ident), &path.tree),
            syn::UseTree::Name(name) => self.note(&with(&name.ident)),
            syn::UseTree::Rename(rename) => self.note(&with(&rename.ident)),
            syn::UseTree::Glob(_) => self.note(before),
            syn::UseTree::Group(group) => {
                for tree in &group.items {
                    self.follow(before, tree);
                }
            }
        }
    }
}

impl<'ast> Visit<'ast> for Exits {
    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        self.follow(&[], &item.tree);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let segments = path.segments.iter();
        let names: Vec<_> = segments.map(|segment| segment.ident.to_string()).collect();
        self.note(&names);
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, invocation: &'ast syn::Macro) {
        for name in PRINTING {
            if invocation.path.is_ident(name) {
                self.0.insert(format!("{name}!"));
            }
        }
        visit::visit_macro(self, invocation);
    }
}

/// The files of a module: its own, and those below it.
fn files_of(module: &str) -> Vec<PathBuf> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = files_of_folder(&source.join(module));
    files.push(source.join(module).with_extension("rs"));
    files
}

fn files_of_folder(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut directories = vec![folder.to_owned()];
    while let Some(directory) = directories.pop() {
        let Ok(entries) = fs::read_dir(&directory) else {
            continue;
        };
        for entry in entries {
            let path = entry.unwrap().path();
            if path.is_dir() {
                // Not what cargo builds.
                directories.extend((!path.ends_with("target")).then_some(path));
            } else {
                files.push(path);
            }
        }
    }
    files
}

fn exits_of(module: &str) -> BTreeSet<String> {
    let mut exits = Exits::default();
    for file in files_of(module) {
        let text = fs::read_to_string(&file).unwrap();
        exits.visit_file(&syn::parse_file(&text).unwrap());
    }
    exits.0
}

#[test]
fn pure_modules_do_not_reach_the_operating_system() {
    for module in PURE {
        assert_eq!(exits_of(module), BTreeSet::new(), "src/{module}");
    }
    let of_cni = PURE_OF_CNI.map(|module| format!("cni/{module}"));
    let of_node = PURE_OF_NODE.map(|module| format!("node/{module}"));
    for module in of_cni.iter().chain(&of_node) {
        assert!(files_of(module).iter().all(|file| file.exists()));
        assert_eq!(exits_of(module), BTreeSet::new(), "src/{module}");
    }
}

#[test]
fn the_ways_out_are_recognized() {
    let nftables = exits_of("nftables");
    let cli = exits_of("cli");
    for way in ["nix::errno::Errno", "crate::sys"] {
        assert!(nftables.contains(way), "{way} in {nftables:?}");
    }
    for way in ["std::fs", "clap::Arg", "crate::app::Access"] {
        assert!(cli.contains(way), "{way} in {cli:?}");
    }
    let mut exits = Exits::default();
    let text = "use std::net::{Ipv4Addr, TcpStream}; use std::{fmt, process as p}; \
                fn f() { ::nix::unistd::getpid(); println!(\"\"); nixie::f(); }";
    exits.visit_file(&syn::parse_file(text).unwrap());
    let expected = [
        "nix::unistd::getpid",
        "println!",
        "std::net::TcpStream",
        "std::process",
    ];
    assert!(exits.0.iter().eq(expected), "{:?}", exits.0);
}

#[test]
fn every_module_is_known_to_be_one_or_the_other() {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lib.rs"));
    let file = syn::parse_file(&text.unwrap()).unwrap();
    let modules: BTreeSet<_> = file
        .items
        .iter()
        .filter_map(|item| match item {
            syn::Item::Mod(module) => Some(module.ident.to_string()),
            _ => None,
        })
        .collect();
    let known = PURE.iter().chain(IMPURE).map(ToString::to_string);
    assert_eq!(modules, known.collect());
}

/// What a sheet of paper holds at a size that can be read.
#[test]
fn the_architecture_is_one_page() {
    const MOST_LINES: usize = 60;
    const MOST_COLUMNS: usize = 120;
    let page = include_str!("../ARCHITECTURE.md");
    let lines = page.lines().count();
    assert!(lines <= MOST_LINES, "{lines} lines");
    for line in page.lines() {
        assert!(line.chars().count() <= MOST_COLUMNS, "{line}");
    }
    for room in PURE.iter().chain(IMPURE) {
        // Single files that every room uses.
        let furniture = ["error_kind", "exit_code", "log", "printable", "sys"].contains(room);
        assert!(
            furniture || page.contains(&format!("`src/{room}`")),
            "{room}"
        );
    }
}

/// The image's builder stage copies the folder: what is left out of it must be nothing that the build needs.
#[test]
fn the_image_is_built_of_all_that_is_under_version_control() {
    let untracked: Vec<_> = include_str!("../.gitignore").lines().collect();
    for left_out in include_str!("../.dockerignore").lines() {
        assert!(
            left_out == "/.git" || untracked.contains(&left_out),
            "{left_out}"
        );
    }
}
