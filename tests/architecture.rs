//! The layers of ARCHITECTURE.md: what may import what, what may touch the operating system, where `unsafe` is.

#![allow(
    clippy::unwrap_used,
    reason = "a test fails by panicking, in its own functions, too"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use netweir_testkit::imports::{cycles, imports};
use netweir_testkit::source::{Module, modules};
use syn::visit::{self, Visit};

const PAGE: &str = include_str!("../ARCHITECTURE.md");

/// Imports that break the order of the layers, as importing and imported module.
const MISPLACED: [(&str, &str); 0] = [];

/// Below this row of the table, modules use the operating system.
const SYSTEM: &str = "system";

/// Ends the process, although its layer is pure.
const ENDS_PROCESS: &str = "exit_code";

/// The parts of the plugin and of the node agent that only compute.
const PURE_PARTS: [&str; 12] = [
    "cni::annotations",
    "cni::code",
    "cni::config",
    "cni::environment",
    "cni::explain",
    "cni::request",
    "cni::version",
    "node::conflist",
    "node::entry",
    "node::health",
    "node::json",
    "node::reconcile",
];

/// What gives access to the operating system.
const SYSTEM_PATHS: [&str; 17] = [
    "caps",
    "clap",
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

/// The one module with `unsafe` code.
const UNSAFE: &str = "sys";

fn library() -> Vec<Module> {
    modules(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lib.rs"))
}

/// The table's modules, the lowest first, each with the label of its row, or of the row above where it has none.
fn layers() -> Vec<(String, String)> {
    let rows = PAGE.lines().filter(|line| line.starts_with("| "));
    let mut label = String::new();
    let mut layers = Vec::new();
    for row in rows.skip(1) {
        let mut cells = row.trim_matches('|').split('|').map(str::trim);
        let (Some(row_label), Some(names)) = (cells.next(), cells.next()) else {
            continue;
        };
        if !row_label.is_empty() {
            row_label.clone_into(&mut label);
        }
        let names = names.split('`').skip(1).step_by(2);
        layers.extend(names.map(|name| (name.to_owned(), label.clone())));
    }
    layers
}

fn top(module: &str) -> &str {
    module.split("::").next().unwrap()
}

#[test]
fn every_top_level_module_is_in_the_table() {
    let library = library();
    let declared: BTreeSet<_> = library
        .iter()
        .filter_map(|module| module.path.first().cloned())
        .collect();
    let listed: BTreeSet<_> = layers().into_iter().map(|(name, _)| name).collect();
    assert_eq!(declared, listed);
}

#[test]
fn modules_import_only_from_lower_layers() {
    let height: BTreeMap<_, _> = layers()
        .into_iter()
        .enumerate()
        .map(|(height, (name, _))| (name, height))
        .collect();
    let mut misplaced = BTreeMap::new();
    for (module, imported) in imports(&library()) {
        for other in imported {
            let (from, to) = (top(&module), top(&other));
            if !from.is_empty() && !to.is_empty() && height[from] < height[to] {
                let pair = (from.to_owned(), to.to_owned());
                misplaced.insert(pair, format!("{module} imports {other}"));
            }
        }
    }
    for exception in MISPLACED.map(|(from, to)| (from.to_owned(), to.to_owned())) {
        let removed = misplaced.remove(&exception);
        assert!(removed.is_some(), "{exception:?} is no exception any more");
    }
    assert!(misplaced.is_empty(), "{misplaced:#?}");
}

#[test]
fn no_modules_import_each_other() {
    let cycles = cycles(&imports(&library()));
    assert!(cycles.is_empty(), "{cycles:#?}");
}

/// Every path of some code that leads to the operating system, and every macro that prints.
#[derive(Default)]
struct SystemUses(BTreeSet<String>);

impl SystemUses {
    fn of(module: &Module) -> BTreeSet<String> {
        let mut uses = Self::default();
        for item in &module.items {
            uses.visit_item(item);
        }
        uses.0
    }

    fn add(&mut self, path: &[String]) {
        let path = path.join("::");
        let leads_to = |system: &str| {
            path.strip_prefix(system).is_some_and(|rest| {
                // Of `std::net` some types, of the others whole modules.
                rest.is_empty() || rest.starts_with("::") || system.starts_with("std::net")
            })
        };
        if SYSTEM_PATHS.iter().any(|system| leads_to(system)) {
            self.0.insert(path);
        }
    }

    /// Adds the paths that a `use` brings in.
    fn add_tree(&mut self, before: &[String], tree: &syn::UseTree) {
        let with = |name: &syn::Ident| [before, &[name.to_string()]].concat();
        match tree {
            syn::UseTree::Path(path) => self.add_tree(&with(&path.ident), &path.tree),
            syn::UseTree::Name(name) => self.add(&with(&name.ident)),
            syn::UseTree::Rename(rename) => self.add(&with(&rename.ident)),
            syn::UseTree::Glob(_) => self.add(before),
            syn::UseTree::Group(group) => {
                for tree in &group.items {
                    self.add_tree(before, tree);
                }
            }
        }
    }
}

impl<'ast> Visit<'ast> for SystemUses {
    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        self.add_tree(&[], &item.tree);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let segments = path.segments.iter();
        let names: Vec<_> = segments.map(|segment| segment.ident.to_string()).collect();
        self.add(&names);
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

#[test]
fn pure_layers_do_not_touch_the_operating_system() {
    let layers = layers();
    let first = layers.iter().position(|(_, label)| label == SYSTEM);
    let (pure, system) = layers.split_at(first.unwrap());
    let [pure, system] = [pure, system].map(|layers| {
        let names = layers.iter().map(|(name, _)| name.as_str());
        names.collect::<BTreeSet<_>>()
    });
    let is_pure_part = |path: &str| PURE_PARTS.iter().any(|part| path.starts_with(part));
    assert!(pure.len() > 10, "{pure:?}");
    let library = library();
    let imports = imports(&library);
    for part in PURE_PARTS {
        assert!(imports.contains_key(part), "{part} does not exist");
    }
    for module in &library {
        let path = module.path.join("::");
        let is_pure = pure.contains(top(&path)) && path != ENDS_PROCESS;
        if !is_pure && !is_pure_part(&path) {
            continue;
        }
        assert_eq!(SystemUses::of(module), BTreeSet::new(), "{path}");
        for imported in &imports[&path] {
            let (own, other) = (top(&path), top(imported));
            // The agent needs the plugin's definitions: keys, versions, errors.
            let is_allowed = other == own || other == "cni" || !system.contains(other);
            assert!(is_allowed, "{path} imports {imported}");
        }
    }
}

#[test]
fn system_uses_are_recognized() {
    let library = library();
    let of = |path: &str| {
        let module = library.iter().find(|module| module.path.join("::") == path);
        SystemUses::of(module.unwrap())
    };
    assert!(of("exit_code").contains("std::process"));
    let text = "use std::net::{Ipv4Addr, TcpStream}; use std::{fmt, process as p}; \
                fn f() { ::nix::unistd::getpid(); println!(\"\"); nixie::f(); }";
    let mut uses = SystemUses::default();
    uses.visit_file(&syn::parse_file(text).unwrap());
    let expected = [
        "nix::unistd::getpid",
        "println!",
        "std::net::TcpStream",
        "std::process",
    ];
    assert!(uses.0.iter().eq(expected), "{:?}", uses.0);
}

/// Whether some code has `unsafe` blocks, functions or implementations.
#[derive(Default)]
struct HasUnsafe(bool);

impl<'ast> Visit<'ast> for HasUnsafe {
    fn visit_expr_unsafe(&mut self, _: &'ast syn::ExprUnsafe) {
        self.0 = true;
    }

    fn visit_signature(&mut self, signature: &'ast syn::Signature) {
        self.0 |= matches!(signature.safety, syn::Safety::Unsafe(_));
        visit::visit_signature(self, signature);
    }

    fn visit_item_impl(&mut self, item: &'ast syn::ItemImpl) {
        self.0 |= item.unsafety.is_some();
        visit::visit_item_impl(self, item);
    }
}

#[test]
fn unsafe_code_is_in_one_module() {
    let mut found = BTreeSet::new();
    for module in library() {
        let mut unsafe_code = HasUnsafe::default();
        for item in &module.items {
            unsafe_code.visit_item(item);
        }
        if unsafe_code.0 {
            found.insert(top(&module.path.join("::")).to_owned());
        }
    }
    assert_eq!(found, [UNSAFE.to_owned()].into());
}

/// As long as can be read on one sheet of paper.
#[test]
fn the_architecture_is_one_page() {
    const MOST_LINES: usize = 60;
    let lines = PAGE.lines().count();
    assert!(lines <= MOST_LINES, "{lines} lines");
}

/// The image's builder stage copies the folder: it must get all that the build needs.
#[test]
fn the_image_context_leaves_out_untracked_files_only() {
    let untracked: Vec<_> = include_str!("../.gitignore").lines().collect();
    for left_out in include_str!("../.dockerignore").lines() {
        assert!(
            left_out == "/.git" || untracked.contains(&left_out),
            "{left_out}"
        );
    }
}
