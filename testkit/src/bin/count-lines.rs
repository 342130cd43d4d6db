//! Counts the lines of product code, without tests, comments and blank lines: `count-lines FOLDER`, which holds
//! `src`. Run by `script/count-lines`.

use std::collections::BTreeMap;
use std::path::Path;

use netweir_testkit::source::modules;

fn main() {
    let folder = std::env::args_os().nth(1).expect("a folder");
    let source = Path::new(&folder).join("src");
    let mut counts = BTreeMap::<String, usize>::new();
    for root in ["lib.rs", "main.rs"] {
        for module in modules(&source.join(root)) {
            let top = module.path.first();
            let name = top.map_or(root, String::as_str);
            *counts.entry(name.to_owned()).or_default() += module.lines();
        }
    }
    for (name, lines) in &counts {
        println!("{lines:6}  {name}");
    }
    println!("{:6}  total", counts.values().sum::<usize>());
}
