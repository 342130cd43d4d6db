//! The product's source code, without its tests: what counts its lines and what checks its layers read it here.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use quote::ToTokens;
use syn::{Attribute, Item, ItemMod, Meta, Token, parse::Parser, punctuated::Punctuated};

/// A file of the product.
pub struct Module {
    /// The modules that lead to it: `["kernel", "batch"]` of `src/kernel/batch.rs`, nothing of `src/lib.rs`.
    pub path: Vec<String>,
    pub file: PathBuf,
    /// Without modules and items that only tests have.
    pub items: Vec<Item>,
}

/// The modules that a crate root in `src` (`lib.rs` or `main.rs`) declares, the root itself first.
pub fn modules(root: &Path) -> Vec<Module> {
    let mut modules = Vec::new();
    let folder = root.parent().expect("a file is in a folder");
    read(root, &[], folder, &mut modules);
    modules
}

fn read(file: &Path, path: &[String], folder: &Path, modules: &mut Vec<Module>) {
    let name = file.display();
    let text = fs::read_to_string(file).unwrap_or_else(|error| panic!("{name}: {error}"));
    let parsed = syn::parse_file(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
    let items: Vec<_> = parsed
        .items
        .into_iter()
        .filter(|item| !is_test(attributes(item)))
        .collect();
    let mut declared = Vec::new();
    for item in &items {
        if let Item::Mod(ItemMod {
            ident,
            content: None,
            ..
        }) = item
        {
            declared.push(ident.to_string());
        }
    }
    modules.push(Module {
        path: path.to_owned(),
        file: file.to_owned(),
        items,
    });
    for name in declared {
        let file = folder.join(&name).with_extension("rs");
        let below = folder.join(&name);
        let path = [path, &[name]].concat();
        read(&file, &path, &below, modules);
    }
}

/// The attributes of an item.
pub fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

/// Whether the attributes leave the item out of the product.
fn is_test(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| match &attribute.meta {
        Meta::List(list) if list.path.is_ident("cfg") => requires_test(&list.tokens),
        _ => false,
    })
}

/// Whether a `cfg` predicate is `test`, or `all` of it and others.
fn requires_test(predicate: &TokenStream) -> bool {
    let parse = Punctuated::<Meta, Token![,]>::parse_terminated;
    let predicates = parse.parse2(predicate.clone()).expect("a cfg predicate");
    predicates.iter().any(|predicate| match predicate {
        Meta::Path(path) => path.is_ident("test"),
        Meta::List(list) if list.path.is_ident("all") => requires_test(&list.tokens),
        _ => false,
    })
}

impl Module {
    /// How many lines have code: no comment, no documentation, no blank line.
    pub fn lines(&self) -> usize {
        let mut lines = BTreeSet::new();
        for item in &self.items {
            add_lines(item.to_token_stream(), &mut lines);
        }
        lines.len()
    }
}

fn add_lines(tokens: TokenStream, lines: &mut BTreeSet<usize>) {
    let mut tokens = tokens.into_iter().peekable();
    while let Some(token) = tokens.next() {
        if is_hash(&token) && tokens.peek().is_some_and(is_doc) {
            tokens.next();
            continue;
        }
        match token {
            TokenTree::Group(group) => {
                if group.delimiter() != Delimiter::None {
                    lines.insert(group.span_open().start().line);
                    lines.insert(group.span_close().end().line);
                }
                add_lines(group.stream(), lines);
            }
            token => {
                let span = token.span();
                lines.extend(span.start().line..=span.end().line);
            }
        }
    }
}

fn is_hash(token: &TokenTree) -> bool {
    matches!(token, TokenTree::Punct(punct) if punct.as_char() == '#')
}

/// Whether these are the brackets of a `#[doc = ..]`, as which documentation is parsed.
fn is_doc(token: &TokenTree) -> bool {
    let TokenTree::Group(group) = token else {
        return false;
    };
    let first = group.stream().into_iter().next();
    matches!(first, Some(TokenTree::Ident(ident)) if ident == "doc")
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIB: &str = "\
//! Documentation.

#![warn(missing_docs)]

mod inner;
#[cfg(test)]
mod tests;
#[cfg(all(test, unix))]
use std::fs;

/// Documentation.
pub const TEXT: &str = \"two
lines\"; // A comment.
/* A comment. */
#[must_use]
pub fn answer() -> u8 {

    // A comment.
    42
}
";

    #[test]
    fn counts_neither_tests_nor_comments_nor_blank_lines() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text| fs::write(folder.path().join(name), text).unwrap();
        write("lib.rs", LIB);
        write("inner.rs", "//! Inner.\n\nuse std::{\n    fmt,\n};\n");
        let modules = modules(&folder.path().join("lib.rs"));
        let counted: Vec<_> = modules
            .iter()
            .map(|module| (module.path.join("::"), module.lines()))
            .collect();
        // `mod inner;`, the two lines of the text, and four of the function with its attribute.
        assert_eq!(counted, [(String::new(), 7), ("inner".to_owned(), 3)]);
    }
}
