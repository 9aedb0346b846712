//! Caches that no service here can be called for: what a builder is asked for, as it arrives there.

use std::collections::BTreeMap;

use test_support::checkout::Checkout;
use test_support::daemon::RecordingDaemon;
use test_support::process::{finish, tagship};

/// What the documentation of each kind says that BuildKit takes, and what buildx fills in from the same variables.
///
/// Sources: Docker documentation, "Cache storage backends"; buildx, `util/buildflags/cache.go`.
#[test]
fn caches_of_services_arrive_with_their_logins_and_no_log_shows_these() {
    let daemon = RecordingDaemon::start();
    let checkout = Checkout::with(&[("Dockerfile", "FROM scratch\nCOPY . /\n")]);
    let home = tempfile::tempdir().unwrap();
    let variables = [
        ("ACTIONS_RUNTIME_TOKEN", "t0ken-of-job"),
        ("ACTIONS_RESULTS_URL", "https://results.example/"),
        ("ACTIONS_CACHE_SERVICE_V2", "true"),
        ("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE"),
        ("AWS_SECRET_ACCESS_KEY", "s3cret-of-key"),
        ("AWS_SESSION_TOKEN", "t0ken-of-session"),
    ];
    for (line, expected) in [
        (
            "type=gha,scope=app",
            "scope=app token=t0ken-of-job url=https://results.example/ url_v2=https://results.example/ version=2",
        ),
        (
            "type=s3,bucket=b,region=r,name=app",
            "access_key_id=AKIAEXAMPLE bucket=b name=app region=r secret_access_key=s3cret-of-key \
             session_token=t0ken-of-session",
        ),
        (
            "type=s3,bucket=b,region=r,access_key_id=own,secret_access_key=0wn-secret",
            "access_key_id=own bucket=b region=r secret_access_key=0wn-secret",
        ),
        (
            "type=azblob,name=app,account_url=https://a.example,secret_access_key=0wn-secret",
            "account_url=https://a.example name=app secret_access_key=0wn-secret",
        ),
    ] {
        let mut command = tagship(home.path());
        command
            .current_dir(checkout.path())
            .envs(variables)
            .args(["build", "-vvv", "--builders", &daemon.address()])
            .args(["--cache-from", line, "--cache-to", &format!("{line},mode=max")]);
        let run = finish(&mut command);
        run.expect_code(0);
        let orders = daemon.take_orders();
        let [order] = orders.as_slice() else {
            panic!("{line}: {} orders", orders.len());
        };
        let kind = line.split([',', '=']).nth(1).unwrap();
        let shown = |attributes: &std::collections::HashMap<String, String>| {
            let sorted: BTreeMap<_, _> = attributes.iter().collect();
            let pairs: Vec<String> = sorted
                .iter()
                .map(|(key, value)| format!("{key}={value}"))
                .collect();
            pairs.join(" ")
        };
        let cache = order.cache.as_ref().unwrap();
        assert_eq!(cache.imports.len(), 1, "{line}");
        assert_eq!(cache.imports[0].r#type, kind);
        assert_eq!(shown(&cache.imports[0].attrs), expected, "{line}");
        // The frontend reads the same in an option of its own.
        let imports: serde_json::Value =
            serde_json::from_str(&order.frontend_attrs["cache-imports"]).unwrap();
        assert_eq!(imports[0]["Type"], kind);
        let of_frontend = serde_json::from_value(imports[0]["Attrs"].clone()).unwrap();
        assert_eq!(shown(&of_frontend), expected, "{line}");
        let mut written = cache.exports[0].attrs.clone();
        assert_eq!(cache.exports[0].r#type, kind);
        assert_eq!(written.remove("mode").as_deref(), Some("max"), "{line}");
        assert_eq!(written.remove("ignore-error").as_deref(), Some("true"), "{line}");
        assert_eq!(shown(&written), expected, "{line}");
        for secret in ["t0ken", "s3cret", "0wn-secret"] {
            let said = format!("{}{}", run.stdout, run.stderr);
            assert!(!said.contains(secret), "{line}: {said}");
        }
    }
}
