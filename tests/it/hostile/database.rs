//! The embedded ECR's database, damaged in every page.

use std::fs;

use test_support::checkout::Checkout;
use test_support::process::tagship;

use super::survive;

#[test]
fn a_damaged_database_is_no_bug_of_the_program() {
    let checkout = Checkout::with(&[("Dockerfile", "FROM scratch\nCOPY . /\n")]);
    let home = tempfile::tempdir().unwrap();
    let data = home.path().join("data");
    let run = || {
        let mut command = tagship(home.path());
        command
            .current_dir(checkout.path())
            .args(["plan", "--local", "--repository", "team/app", "--local-data"])
            .arg(&data);
        command
    };
    survive("a good one", &mut run());
    let database = data.join("state.redb");
    let good = fs::read(&database).unwrap();
    // Bytes all over the file, and the tree's own numbers, which its library trusts most.
    let places = (0..good.len())
        .step_by(good.len() / 60)
        .chain((64..320).step_by(4));
    let mut tried = 0;
    let mut refused = 0;
    for place in places {
        let mut bytes = good.clone();
        bytes[place] ^= 0xff;
        fs::write(&database, bytes).unwrap();
        let finished = survive(&format!("byte {place}"), &mut run());
        tried += 1;
        if finished.code != Some(0) {
            assert_eq!(finished.code, Some(1), "byte {place}: {}", finished.stderr);
            assert!(
                finished.stderr.contains("hint: "),
                "byte {place}: {}",
                finished.stderr
            );
            refused += 1;
        }
    }
    assert!(tried >= 120 && refused >= 20, "{refused} of {tried}");
}
