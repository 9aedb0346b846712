//! `docs/error-index.md` is made from the errors in the code; a stale one fails here, and so does an error without a row.
//!
//! `cargo xtask generate` writes it anew.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use syn::visit::{self, Visit};
use syn::{Arm, Attribute, Block, Expr, Fields, ImplItem, Item, Pat, Type};
use tagship_domain::error::FailureKind;

use crate::architecture::sources;
use crate::inputs_generated::is_fresh;

/// Where errors of the product lie.
const FOLDERS: [&str; 4] = [
    "src",
    "crates/tagship-domain/src",
    "crates/oci-registry/src",
    "crates/buildkit-session/src",
];

/// One way to go wrong.
struct Row {
    name: String,
    /// The message, with each part that varies as `…`; none where it is another error's or made of parts.
    message: Option<String>,
    /// What its documentation says.
    meaning: String,
    /// Whether another error answers in its place.
    is_passed_on: bool,
}

/// An enum or structure of the code that is an error.
struct ErrorType {
    rows: Vec<Row>,
}

/// What an error says of its exit code and of the next action.
#[derive(Default)]
struct Diagnosis {
    kind: Option<Block>,
    hint: Option<Block>,
}

fn documentation(attributes: &[Attribute]) -> String {
    let lines = attributes.iter().filter_map(|attribute| {
        let named = attribute.meta.require_name_value().ok()?;
        let Expr::Lit(literal) = &named.value else {
            return None;
        };
        let syn::Lit::Str(text) = &literal.lit else {
            return None;
        };
        named.path.is_ident("doc").then(|| text.value().trim().to_owned())
    });
    // The first sentence says what it is.
    let lines = lines.take_while(|line| !line.is_empty());
    lines.collect::<Vec<_>>().join(" ")
}

/// A text with each part that varies as `…`.
fn normalised(message: &str) -> String {
    // Braces that are meant are doubled.
    let message = message.replace("{{", "\u{1}").replace("}}", "\u{2}");
    let mut text = String::new();
    let mut rest = message.as_str();
    while let Some((before, after)) = rest.split_once('{') {
        text += before;
        text += "…";
        rest = after.split_once('}').map_or("", |(_, rest)| rest);
    }
    (text + rest)
        .replace('\n', " ")
        .replace('\u{1}', "{")
        .replace('\u{2}', "}")
}

/// The first text among tokens, as the arguments of `format!` or of an attribute are.
fn first_text(tokens: proc_macro2::TokenStream) -> Option<String> {
    tokens.into_iter().find_map(|token| {
        let proc_macro2::TokenTree::Literal(literal) = token else {
            return None;
        };
        syn::parse_str::<syn::LitStr>(&literal.to_string())
            .ok()
            .map(|text| text.value())
    })
}

fn row(name: String, attributes: &[Attribute]) -> Row {
    let error = attributes
        .iter()
        .find(|attribute| attribute.path().is_ident("error"))
        .and_then(|attribute| attribute.meta.require_list().ok());
    let tokens = error.map(|list| list.tokens.clone());
    Row {
        is_passed_on: tokens
            .as_ref()
            .is_some_and(|tokens| tokens.to_string() == "transparent"),
        message: tokens.and_then(first_text).map(|text| normalised(&text)),
        meaning: documentation(attributes),
        name,
    }
}

fn is_error(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        let list = attribute.meta.require_list();
        attribute.path().is_ident("derive")
            && list.is_ok_and(|list| {
                list.tokens
                    .to_string()
                    .replace(' ', "")
                    .contains("thiserror::Error")
            })
    })
}

/// Every error of the code, and what those say that diagnose themselves, by the name of the type.
fn errors() -> (BTreeMap<String, ErrorType>, BTreeMap<String, Diagnosis>) {
    let (mut types, mut diagnoses) = (BTreeMap::new(), BTreeMap::new());
    let mut structures = BTreeMap::new();
    for source in FOLDERS.iter().flat_map(|folder| sources(folder)) {
        let file = syn::parse_file(&source.text).unwrap_or_else(|error| panic!("{}: {error}", source.path));
        for item in file.items {
            match item {
                Item::Enum(item) => {
                    let rows = item
                        .variants
                        .iter()
                        .map(|variant| row(variant.ident.to_string(), &variant.attrs))
                        .collect();
                    let found = ErrorType { rows };
                    if is_error(&item.attrs) {
                        types.insert(item.ident.to_string(), found);
                    } else {
                        structures.insert(item.ident.to_string(), found);
                    }
                }
                Item::Struct(item) => {
                    let found = ErrorType {
                        rows: vec![row(String::new(), &item.attrs)],
                    };
                    if is_error(&item.attrs) && !matches!(item.fields, Fields::Unit if item.attrs.is_empty())
                    {
                        types.insert(item.ident.to_string(), found);
                    } else {
                        structures.insert(item.ident.to_string(), found);
                    }
                }
                Item::Impl(item) => {
                    let is_diagnose = item.trait_.as_ref().is_some_and(|(_, path, _)| {
                        path.segments.last().is_some_and(|last| last.ident == "Diagnose")
                    });
                    let Type::Path(path) = &*item.self_ty else {
                        continue;
                    };
                    let name = path.path.segments.last().unwrap().ident.to_string();
                    if !is_diagnose {
                        continue;
                    }
                    let mut answers = Diagnosis::default();
                    for item in item.items {
                        let ImplItem::Fn(function) = item else { continue };
                        match function.sig.ident.to_string().as_str() {
                            "kind" => answers.kind = Some(function.block),
                            "hint" => answers.hint = Some(function.block),
                            _ => {}
                        }
                    }
                    diagnoses.insert(name, answers);
                }
                _ => {}
            }
        }
    }
    // What writes its own message is known by its diagnosis alone.
    for name in diagnoses.keys() {
        if let Some(found) = structures.remove(name) {
            types.entry(name.clone()).or_insert(found);
        }
    }
    (types, diagnoses)
}

/// The texts and kinds of failure of some code.
#[derive(Default)]
struct Found {
    texts: Vec<String>,
    kinds: BTreeSet<&'static str>,
}

impl<'a> Visit<'a> for Found {
    fn visit_lit_str(&mut self, text: &'a syn::LitStr) {
        self.texts.push(normalised(&text.value()));
    }

    fn visit_macro(&mut self, made: &'a syn::Macro) {
        if made.path.is_ident("format") {
            let text = first_text(made.tokens.clone());
            self.texts.extend(text.map(|text| normalised(&text)));
        }
    }

    fn visit_path(&mut self, path: &'a syn::Path) {
        let segments: Vec<String> = path.segments.iter().map(|one| one.ident.to_string()).collect();
        if let [.., of, kind] = &segments[..]
            && of == "FailureKind"
        {
            self.kinds.insert(exit_code(kind));
        }
        visit::visit_path(self, path);
    }
}

/// The exit code of a kind. Source: `docs/reference.md`, "Exit codes".
fn exit_code(kind: &str) -> &'static str {
    match kind {
        "Operation" => "1",
        "Usage" => "2",
        "Credentials" => "3",
        "TagConflict" => "10",
        "ScanGate" => "11",
        "Drift" => "12",
        "Bug" => "70",
        "Cancelled" => "130",
        other => panic!("{other} is a new kind"),
    }
}

/// The arms that a variant may take.
struct Arms<'a> {
    variant: &'a str,
    found: Found,
    is_decided: bool,
    has_match: bool,
}

impl Arms<'_> {
    /// Whether a pattern is of the variant, and of nothing but it.
    fn fits(&self, pattern: &Pat) -> bool {
        let is_of = |path: &syn::Path| {
            path.segments
                .last()
                .is_some_and(|last| last.ident == self.variant)
        };
        match pattern {
            Pat::Or(or) => or.cases.iter().any(|case| self.fits(case)),
            Pat::Ident(named) => match &named.subpat {
                Some((_, pattern)) => self.fits(pattern),
                None => true,
            },
            Pat::Paren(inner) => self.fits(&inner.pat),
            Pat::Struct(pattern) => is_of(&pattern.path),
            Pat::TupleStruct(pattern) => is_of(&pattern.path),
            Pat::Path(pattern) => is_of(&pattern.path),
            Pat::Wild(_) => true,
            Pat::Reference(inner) => self.fits(&inner.pat),
            _ => false,
        }
    }

    /// Whether the variant goes no further than this pattern: no part of it is looked at.
    fn is_whole(arm: &Arm) -> bool {
        let takes_all = |pattern: &Pat| {
            let mut looked = Looks(false);
            looked.visit_pat(pattern);
            !looked.0
        };
        arm.guard.is_none() && takes_all(&arm.pat)
    }
}

/// Whether a pattern looks at values, as `true` or `Some(_)` below a variant.
struct Looks(bool);

impl<'a> Visit<'a> for Looks {
    fn visit_field_pat(&mut self, field: &'a syn::FieldPat) {
        if !matches!(&*field.pat, Pat::Ident(_) | Pat::Wild(_)) {
            self.0 = true;
        }
        visit::visit_field_pat(self, field);
    }
}

impl<'a> Visit<'a> for Arms<'_> {
    fn visit_expr_match(&mut self, expression: &'a syn::ExprMatch) {
        if self.has_match {
            return;
        }
        self.has_match = true;
        for arm in &expression.arms {
            if !self.is_decided && self.fits(&arm.pat) {
                self.found.visit_expr(&arm.body);
                self.is_decided = Self::is_whole(arm);
            }
        }
    }
}

/// What a function of a diagnosis says of a variant.
fn said(block: Option<&Block>, variant: &str) -> Found {
    let Some(block) = block else {
        return Found::default();
    };
    let mut arms = Arms {
        variant,
        found: Found::default(),
        is_decided: false,
        has_match: false,
    };
    if !variant.is_empty() {
        arms.visit_block(block);
    }
    if !arms.has_match {
        arms.found.visit_block(block);
    }
    arms.found
}

/// A cell of a table.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('<', "&lt;")
}

/// The page.
fn page() -> String {
    let (types, diagnoses) = errors();
    let mut page = "\
<!-- Made from the errors in the code: cargo xtask generate -->
# Every error

What can go wrong, as it is worded, with the exit code and what helps. `…` stands for a name, a number or what a server said. The
cure stands behind `hint:` in the run itself, with the names filled in; a dash means that the message says it all. [Errors](errors.md)
has more about those that people meet.

## Runs

| Message | When | Exit code | What helps |
|---|---|--:|---|
"
    .to_owned();
    let mut inputs = String::new();
    for (name, found) in &types {
        let answers = diagnoses.get(name);
        for row in found.rows.iter().filter(|row| !row.is_passed_on) {
            let message = row.message.as_deref();
            let shown = message.map_or_else(|| "made of several parts".to_owned(), cell);
            let meaning = cell(&row.meaning);
            let Some(answers) = answers else {
                if message.is_some() {
                    writeln!(inputs, "| {shown} | {meaning} |").unwrap();
                }
                continue;
            };
            let kinds = match &answers.kind {
                Some(kind) => said(Some(kind), &row.name).kinds,
                None => BTreeSet::from(["1"]),
            };
            let kinds: Vec<&str> = kinds.into_iter().collect();
            let kinds = if kinds.is_empty() {
                "its cause's".to_owned()
            } else {
                kinds.join(", ")
            };
            let texts = said(answers.hint.as_ref(), &row.name).texts;
            let texts: Vec<String> = texts
                .iter()
                .map(|text| cell(text.trim()))
                .filter(|text| text.len() > 3)
                .collect();
            let hint = if texts.is_empty() {
                "–".to_owned()
            } else {
                texts.join("; or: ")
            };
            writeln!(page, "| {shown} | {meaning} | {kinds} | {hint} |").unwrap();
        }
    }
    page += "
## Inputs and files

These follow the name of an input, a variable, or a place in a file; the exit code is 2.

| Message | When |
|---|---|
";
    page + &inputs
}

#[test]
fn the_index_of_errors_is_what_the_code_says() {
    is_fresh("docs/error-index.md", &page());
}

#[test]
fn every_variant_has_a_row_with_its_exit_code() {
    let page = page();
    for row in [
        "| the AWS region is not known | Nothing names the region. | 2 | set `aws-region` |",
        "| `…` is not in a git repository | There is no repository. | 2 |",
        "| the credentials do not allow `…` | The credentials lack a permission that concerns no single repository. | 3 |",
    ] {
        assert!(page.contains(row), "{row}");
    }
    // A message that a person looks for is found as it is worded.
    let (types, _) = errors();
    let rows = || types.values().flat_map(|found| &found.rows);
    for message in rows().filter_map(|row| row.message.as_deref()) {
        assert!(page.contains(&cell(message)), "{message}");
    }
    assert!(rows().count() > 500, "{}", rows().count());
    for row in rows().filter(|row| !row.is_passed_on) {
        assert!(
            !row.meaning.is_empty() || row.message.is_some(),
            "{} {:?}",
            row.name,
            row.message
        );
    }
    assert_eq!(
        exit_code("ScanGate"),
        FailureKind::ScanGate.exit_code().to_string()
    );
}
