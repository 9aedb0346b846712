//! The page about building: its table of engines is made from the code, and its lines are read as their reader would.

use std::fmt::Write as _;
use std::path::Path;

use tagship_domain::capability::{Feature, ImageStore};

use crate::inputs_generated::is_fresh;

const BEGIN: &str = "<!-- Made from the code: cargo xtask generate -->\n";
const END: &str = "<!-- end -->";

#[test]
fn the_table_of_engines_is_what_the_code_says() {
    let name = "docs/building.md";
    let page = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap();
    let (before, rest) = page.split_once(BEGIN).expect("the page has a table");
    let (_, after) = rest.split_once(END).expect("the table ends");
    is_fresh(name, &format!("{before}{BEGIN}{}{END}{after}", table()));
}

fn table() -> String {
    let mut table = "| input | classic store | containerd store |\n|---|---|---|\n".to_owned();
    for feature in Feature::ALL {
        let [classic, containerd] =
            [ImageStore::Classic, ImageStore::Containerd].map(|store| feature.support(store));
        writeln!(table, "| {feature} | {classic} | {containerd} |").unwrap();
    }
    table
}
