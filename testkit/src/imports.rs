//! Which module of the product imports from which.

use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::{TokenStream, TokenTree};
use syn::visit::{self, Visit};
use syn::{Item, UseTree, Visibility};

use crate::source::Module;

/// For each module, by its path (`nftables::batch`; the root's is empty), the modules that its code refers to. A
/// re-export is followed to the module of the item, and is itself no import.
pub type Imports = BTreeMap<String, BTreeSet<String>>;

/// Reads the imports of a crate's modules.
pub fn imports(modules: &[Module]) -> Imports {
    let crate_map = CrateMap::new(modules);
    let of_module = |module: &Module| {
        let mut references = References {
            map: &crate_map,
            module: &module.path,
            found: BTreeSet::new(),
        };
        for item in &module.items {
            references.visit_item(item);
        }
        references.found.remove(&module.path);
        let found = references.found.iter().map(|path| path.join("::"));
        (module.path.join("::"), found.collect())
    };
    modules.iter().map(of_module).collect()
}

/// The groups of modules that import each other, directly or by way of others.
pub fn cycles(imports: &Imports) -> BTreeSet<BTreeSet<String>> {
    let reachable: BTreeMap<_, _> = imports
        .keys()
        .map(|start| (start, reachable(imports, start)))
        .collect();
    let cycle = |module: &String| {
        let mutual = reachable[module].iter();
        let mutual = mutual.filter(|other| reachable[other].contains(module));
        mutual.cloned().collect::<BTreeSet<_>>()
    };
    let cycles = imports.keys().map(cycle);
    cycles.filter(|cycle| !cycle.is_empty()).collect()
}

fn reachable(imports: &Imports, start: &str) -> BTreeSet<String> {
    let mut reached = BTreeSet::new();
    let mut open = vec![start.to_owned()];
    while let Some(module) = open.pop() {
        for next in imports.get(&module).into_iter().flatten() {
            if reached.insert(next.clone()) {
                open.push(next.clone());
            }
        }
    }
    reached
}

type ModulePath = [String];

/// What names mean in each module.
struct CrateMap {
    modules: BTreeSet<Vec<String>>,
    /// The names that a module's `use` items bring in, with their paths.
    uses: BTreeMap<Vec<String>, BTreeMap<String, Vec<String>>>,
}

impl CrateMap {
    fn new(modules: &[Module]) -> Self {
        let uses = modules.iter().map(|module| {
            let mut uses = BTreeMap::new();
            for item in &module.items {
                if let Item::Use(item) = item {
                    leaves(&[], &item.tree, &mut |name, path| {
                        uses.insert(name.to_owned(), path.to_vec());
                    });
                }
            }
            (module.path.clone(), uses)
        });
        Self {
            uses: uses.collect(),
            modules: modules.iter().map(|module| module.path.clone()).collect(),
        }
    }

    /// The module that a path leads to, or that has the item which it leads to; `None` outside the crate.
    fn resolve(&self, module: &ModulePath, path: &[String]) -> Option<Vec<String>> {
        let (first, rest) = path.split_first()?;
        match first.as_str() {
            "crate" => self.descend(Vec::new(), rest),
            "self" => self.descend(module.to_vec(), rest),
            "super" => {
                let (_, parent) = module.split_last()?;
                match rest.first() {
                    Some(next) if next == "super" => self.resolve(parent, rest),
                    _ => self.descend(parent.to_vec(), rest),
                }
            }
            _ => {
                let child = [module, std::slice::from_ref(first)].concat();
                if self.modules.contains(&child) {
                    return self.descend(child, rest);
                }
                let used = self.uses.get(module)?.get(first)?;
                // A crate's name, or an item's own.
                if used.first() == Some(first) {
                    return None;
                }
                self.resolve(module, &[used, rest].concat())
            }
        }
    }

    fn descend(&self, module: Vec<String>, rest: &[String]) -> Option<Vec<String>> {
        let Some((name, after)) = rest.split_first() else {
            return Some(module);
        };
        let child = [module.as_slice(), std::slice::from_ref(name)].concat();
        if self.modules.contains(&child) {
            return self.descend(child, after);
        }
        let used = self.uses.get(&module).and_then(|uses| uses.get(name));
        match used {
            Some(path) => self.resolve(&module, path).or(Some(module)),
            None => Some(module),
        }
    }
}

/// Calls `on_leaf` with each name that a `use` brings in, and the path that it stands for. A glob has the name `*`.
fn leaves(before: &[String], tree: &UseTree, on_leaf: &mut dyn FnMut(&str, &[String])) {
    let with = |name: &syn::Ident| [before, &[name.to_string()]].concat();
    match tree {
        UseTree::Path(path) => leaves(&with(&path.ident), &path.tree, on_leaf),
        UseTree::Name(name) if name.ident == "self" => {
            let last = before.last().expect("self stands in braces");
            on_leaf(last, before);
        }
        UseTree::Name(name) => on_leaf(&name.ident.to_string(), &with(&name.ident)),
        UseTree::Rename(rename) => on_leaf(&rename.rename.to_string(), &with(&rename.ident)),
        UseTree::Glob(_) => on_leaf("*", before),
        UseTree::Group(group) => {
            for tree in &group.items {
                leaves(before, tree, on_leaf);
            }
        }
    }
}

struct References<'a> {
    map: &'a CrateMap,
    module: &'a ModulePath,
    found: BTreeSet<Vec<String>>,
}

impl References<'_> {
    fn add(&mut self, path: &[String]) {
        self.found.extend(self.map.resolve(self.module, path));
    }

    /// The paths in a macro's arguments.
    fn add_tokens(&mut self, tokens: TokenStream) {
        let mut path: Vec<String> = Vec::new();
        let mut separators = 0;
        for token in tokens {
            match token {
                TokenTree::Punct(punct) if punct.as_char() == ':' => separators += 1,
                TokenTree::Ident(ident) => {
                    if separators != 2 {
                        self.add(&std::mem::take(&mut path));
                    }
                    path.push(ident.to_string());
                    separators = 0;
                }
                other => {
                    self.add(&std::mem::take(&mut path));
                    separators = 0;
                    if let TokenTree::Group(group) = other {
                        self.add_tokens(group.stream());
                    }
                }
            }
        }
        self.add(&path);
    }
}

impl<'ast> Visit<'ast> for References<'_> {
    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        if matches!(item.vis, Visibility::Inherited) {
            leaves(&[], &item.tree, &mut |_, path| self.add(path));
        }
    }

    // `pub(super)` is no import.
    fn visit_vis_restricted(&mut self, _: &'ast syn::VisRestricted) {}

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let segments = path.segments.iter();
        let names: Vec<_> = segments.map(|segment| segment.ident.to_string()).collect();
        self.add(&names);
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, invocation: &'ast syn::Macro) {
        self.add_tokens(invocation.tokens.clone());
        visit::visit_macro(self, invocation);
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    fn module(path: &[&str], text: &str) -> Module {
        Module {
            path: path.iter().map(ToString::to_string).collect(),
            file: PathBuf::new(),
            items: syn::parse_file(text).unwrap().items,
        }
    }

    fn of(imports: &Imports, module: &str) -> Vec<String> {
        imports[module].iter().cloned().collect()
    }

    #[test]
    fn follows_uses_paths_macros_and_reexports() {
        let modules = [
            module(&[], "pub mod a; pub mod b; pub mod c;"),
            module(
                &["a"],
                "mod x; pub use x::Item; pub use x::f as g; struct Own;",
            ),
            module(
                &["a", "x"],
                "use super::Own; use std::fmt; pub struct Item; pub fn f() {}",
            ),
            module(
                &["b"],
                "use crate::a::{self, Item}; pub(super) fn h() { a::Own; }",
            ),
            module(
                &["c"],
                "fn i() { println!(\"{}\", crate::a::g()); super::b::h(); fmt::x(); }",
            ),
        ];
        let imports = imports(&modules);
        assert_eq!(of(&imports, "a"), Vec::<String>::new());
        assert_eq!(of(&imports, "a::x"), ["a"]);
        assert_eq!(of(&imports, "b"), ["a", "a::x"]);
        assert_eq!(of(&imports, "c"), ["a::x", "b"]);
        assert!(cycles(&imports).is_empty());
    }

    #[test]
    fn finds_cycles_through_other_modules() {
        let modules = [
            module(&[], "mod a; mod b; mod c; mod d;"),
            module(&["a"], "use crate::b;"),
            module(&["b"], "use crate::c::f;"),
            module(&["c"], "pub fn f(x: super::a::T) {}"),
            module(&["d"], "use crate::a;"),
        ];
        let cycle = ["a", "b", "c"].map(str::to_owned).into();
        assert_eq!(cycles(&imports(&modules)), [cycle].into());
    }
}
