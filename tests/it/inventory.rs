//! `tagship ls` and `tagship inspect` against the embedded ECR.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tagship_domain::content::Descriptor;
use tagship_domain::immutability::Mutability;
use test_support::images::Pusher;
use test_support::local::Ecr;
use test_support::process::{Finished, finish};

const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";
const NOTARY: &str = "application/vnd.cncf.notary.signature";

/// A repository with two versions, a branch's image, a signature, and what hangs on them.
struct Stock {
    ecr: Ecr,
    home: tempfile::TempDir,
    index: Descriptor,
    signature: Descriptor,
}

impl Stock {
    fn new() -> Self {
        let ecr = Ecr::start();
        ecr.create_repository("team/app", &Mutability::Mutable);
        let pusher = Pusher::new(&ecr, "team/app");
        let labels = |version: &str| json!({"org.opencontainers.image.version": version, "org.opencontainers.image.revision": COMMIT});
        let old = pusher.image("amd64", "old", &labels("1.9.0"));
        pusher.tag("1.9.0", &old.digest);
        let images = ["amd64", "arm64"].map(|platform| pusher.image(platform, platform, &labels("1.10.0")));
        let index = pusher.index(&images);
        for tag in ["latest", "1.10.0", "1", "1.10", "stable"] {
            pusher.tag(tag, &index.digest);
        }
        let signature = pusher.referrer(NOTARY, &index);
        let hostile = json!({"org.opencontainers.image.revision": "\u{1b}[31mred\n::error::"});
        let branch = pusher.image("amd64", "branch", &hostile);
        pusher.tag("main", &branch.digest);
        Self {
            home: tempfile::tempdir().unwrap(),
            ecr,
            index,
            signature,
        }
    }

    fn run(&self, arguments: &[&str]) -> Finished {
        finish(&mut self.ecr.command(self.home.path(), arguments))
    }

    fn json(&self, arguments: &[&str]) -> Value {
        let finished = self.run(arguments);
        finished.expect_code(0);
        serde_json::from_str(&finished.stdout).unwrap()
    }

    /// The text without what differs from run to run.
    fn shown(&self, text: &str) -> String {
        let text = text.replace(&self.ecr.host(), "REGISTRY");
        let seconds = regex::Regex::new(r"\b\d s( +|\b)").unwrap();
        let times = regex::Regex::new(r"pushed  .*").unwrap();
        let text = times.replace_all(&text, "pushed  TIME");
        seconds.replace_all(&text, "AGE ").into_owned()
    }
}

#[test]
fn images_are_listed_by_version_with_all_that_is_known_of_them() {
    let stock = Stock::new();
    stock.ecr.forget_journal();
    let listed = stock.run(&["ls", "team/app"]);
    listed.expect_code(0);
    insta::assert_snapshot!(stock.shown(&listed.stdout));
    assert!(stock.ecr.writes().is_empty(), "listing writes nothing");

    let data = stock.json(&["ls", "team/app", "--json"]);
    let newest = &data["images"][0];
    assert_eq!(newest["tags"], json!(["1.10.0", "1", "1.10", "latest", "stable"]));
    assert_eq!(newest["digest"], stock.index.digest.to_string());
    assert_eq!(
        (&newest["version"], &newest["revision"]),
        (&json!("1.10.0"), &json!(COMMIT))
    );
    assert_eq!(newest["signed"], true);
    let platforms: Vec<&Value> = newest["platforms"].as_array().unwrap().iter().collect();
    assert_eq!(platforms.len(), 2);
    let signed: BTreeMap<String, bool> = data["images"]
        .as_array()
        .unwrap()
        .iter()
        .map(|image| (image["tags"][0].to_string(), image["signed"] == true))
        .collect();
    let expected = [("\"1.10.0\"", true), ("\"1.9.0\"", false), ("\"main\"", false)];
    assert_eq!(signed, expected.map(|(tag, is)| (tag.to_owned(), is)).into());
}

#[test]
fn a_list_can_be_cut_and_can_hold_what_has_no_tag() {
    let stock = Stock::new();
    let cut = stock.json(&["ls", "team/app", "--limit", "1", "--json"]);
    assert_eq!(cut["images"].as_array().unwrap().len(), 1);
    assert_eq!(cut["more"], 2);
    let all = stock.json(&["ls", "team/app", "--all", "--json"]);
    let digests: Vec<&Value> = all["images"]
        .as_array()
        .unwrap()
        .iter()
        .map(|image| &image["digest"])
        .collect();
    // Three with tags, two of the index, one signature.
    assert_eq!(digests.len(), 6);
    assert!(digests.contains(&&json!(stock.signature.digest)));
    let missing = stock.run(&["ls", "team/none"]);
    missing.expect_code(1);
    assert!(missing.stderr.contains("`team/none`"), "{}", missing.stderr);
}

#[test]
fn an_image_is_shown_with_everything_that_hangs_on_it() {
    let stock = Stock::new();
    stock.ecr.forget_journal();
    let shown = stock.run(&["inspect", "team/app:latest"]);
    shown.expect_code(0);
    insta::assert_snapshot!(stock.shown(&shown.stdout));
    assert!(stock.ecr.writes().is_empty(), "looking writes nothing");

    let by_digest = format!("team/app@{}", stock.index.digest);
    let data = stock.json(&["inspect", &by_digest, "--json"]);
    assert_eq!(data["digest"], stock.index.digest.to_string());
    assert_eq!(data["manifest"]["manifests"].as_array().unwrap().len(), 2);
    assert_eq!(data["referrers"][0]["digest"], stock.signature.digest.to_string());
    assert_eq!(data["signed"], true);
    assert_eq!(
        data["manifest"]["manifests"][1]["config"]["labels"]["org.opencontainers.image.version"],
        "1.10.0"
    );

    let missing = stock.run(&["inspect", "team/app:2.0.0"]);
    missing.expect_code(1);
    assert!(
        missing.stderr.contains("team/app:2.0.0` does not exist"),
        "{}",
        missing.stderr
    );
    stock.run(&["inspect", "team/app"]).expect_code(2);
    stock
        .run(&["inspect", "team/app:1", "--repository", "other"])
        .expect_code(2);
}
