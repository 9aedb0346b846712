//! The scan gate of images that are built: no tag before the findings pass.

use serde_json::json;
use test_support::engines;
use test_support::local::is_tag_put;
use test_support::shipping::Shipyard;

#[test]
fn a_built_image_gets_no_tag_until_its_findings_pass() {
    for engine in engines::all() {
        let yard = Shipyard::new();
        yard.ecr.scan_with("BASIC", "SCAN_ON_PUSH", "team/*");
        let finding =
            json!({"name": "CVE-2024-3094", "severity": "CRITICAL", "package": "xz", "version": "5.6.0"});
        yard.ecr
            .order_scans(json!({"takes_seconds": 1, "findings": [finding]}));
        let failed = yard.ship(engine, &["--scan", "wait"]).code(11);
        let report = failed.report();
        assert_eq!(report["gate"]["reasons"][0]["code"], "too-many-findings");
        assert!(!yard.ecr.journal().iter().any(is_tag_put), "{}", engine.name);
        let ignore = "id=CVE-2024-3094,until=9999-12-31,reason=not reachable";
        let passed = yard
            .ship(engine, &["--scan", "wait", "--ignore-findings", ignore])
            .code(0);
        assert_eq!(passed.report()["gate"]["verdict"], "passed");
        assert_eq!(passed.tags()["1.0.0"], "created");
    }
}
