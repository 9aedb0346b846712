//! What each moving tag keeps to.

use super::*;

/// Each tag with what it keeps to: `v` for versions, `c` for commits, `-` for nothing.
fn orders(run: &Run, rules: &str, flavor: &str) -> String {
    let made = run.evaluate(rules, flavor).unwrap();
    let order = |tag: &DesiredTag| match &tag.order {
        Some(Order::Versions(_)) => 'v',
        Some(Order::Commits) => 'c',
        Some(Order::Elsewhere(_)) => 'e',
        Some(Order::Anywhere) => '*',
        None => '-',
    };
    let wanted = TagSet::of(&made).unwrap();
    let tags: Vec<String> = wanted
        .tags
        .iter()
        .map(|tag| format!("{} {}", tag.tag, order(tag)))
        .collect();
    tags.join(", ")
}

#[test]
fn each_kind_of_moving_tag_keeps_to_its_order() {
    const RULES: &str = "type=semver\ntype=semver,pattern={{major}}\ntype=pep440,pattern={{major}}.{{minor}}\n\
        type=ref,event=branch\ntype=ref,event=pr\ntype=edge\ntype=sha\ntype=raw,value=latest,priority=2000\ntype=raw,value=stable\n\
        type=raw,value={{branch}}-raw,enable={{is_default_branch}}\ntype=schedule\ntype=match,pattern=v(\\d+),group=1,suffix=x";
    let release = Run::push(Mode::Strict, "tags/v1.2.3");
    assert_eq!(
        orders(&release, RULES, "latest=false"),
        "sha-860c1904a1ce -, 1.2.3 -, latest v, 1 v, 1.2 v, 1x -, stable -"
    );
    let branch = Run::push(Mode::Strict, "heads/main");
    assert_eq!(
        orders(&branch, RULES, "latest=false"),
        "sha-860c1904a1ce -, latest c, edge c, main c, stable -, main-raw c"
    );
    let pull_request = Run::new(Mode::Strict, "pull_request", "refs/pull/7/merge");
    assert_eq!(
        orders(&pull_request, RULES, "latest=false"),
        "sha-860c1904a1ce -, latest -, pr-7 -, stable -"
    );
    let dirty = Run {
        is_dirty: true,
        ..release
    };
    for tag in orders(&dirty, RULES, "").split(", ") {
        assert!(tag.ends_with("-dirty -"), "{tag}");
    }
}

#[test]
fn the_flavors_latest_is_that_of_its_versions() {
    for flavor in [
        "",
        "latest=true",
        "suffix=-alpine,onlatest=true",
        "suffix=-alpine",
    ] {
        for mode in [Mode::Strict, Mode::MetadataAction] {
            let made = Run::push(mode, "tags/v1.2.3").evaluate("type=semver,pattern={{version}}", flavor);
            let made = made.unwrap();
            let Some(Order::Versions(line)) = &made.tags[1].order else {
                panic!("{made:?}")
            };
            let greater = |tag| line.greater_in_registry([tag]).is_some();
            assert!(greater("1.3.0"), "{flavor}");
            assert_eq!(greater("1.3.0-alpine"), flavor.contains("alpine"), "{flavor}");
        }
    }
}

#[test]
fn an_image_of_many_has_the_git_tags_behind_its_prefix() {
    let run = Run::push(Mode::Strict, "tags/app/v1.2.3");
    let prefix = TagPrefix::parse("app/v").unwrap();
    let version = Version::new(1, 2, 3);
    let rules = TagRule::parse_list("type=semver,pattern={{major}}\nlatest", Mode::Strict).unwrap();
    for version in [None, Some(&version)] {
        let context = TagContext {
            tag_prefix: Some(&prefix),
            version,
            ..run.context()
        };
        let made = evaluate(&rules, &Flavor::plain(), &context).unwrap();
        for tag in &made.tags {
            let Some(Order::Versions(line)) = &tag.order else {
                panic!("{made:?}")
            };
            let greater = |tag: &str| line.greater_in_git(&[tag.to_owned()]);
            assert_eq!(greater("app/v1.4.0").unwrap().tag, "app/v1.4.0", "{tag:?}");
            for other in ["v1.4.0", "web/v1.4.0", "app/1.4.0", "app/v1.2.3"] {
                assert_eq!(greater(other), None, "{tag:?}, {other}");
            }
        }
    }
}

#[test]
fn a_rule_says_itself_how_its_tag_may_move() {
    let order = |rule: &str| {
        let rules = [TagRule::parse(rule).unwrap()];
        let commit = CommitId::parse(&"1".repeat(40)).unwrap();
        let version = Version::new(1, 2, 3);
        let made = tag_set(&rules, Some(&version), &commit, false).unwrap();
        made.tags[0].order.clone()
    };
    assert_eq!(order("type=raw,value=prod"), None);
    assert_eq!(order("type=raw,value=prod,order=none"), Some(Order::Anywhere));
    assert_eq!(order("prod,order=commit"), Some(Order::Commits));
    let Some(Order::Versions(line)) = order("prod,order=version") else {
        panic!("it keeps to versions");
    };
    assert_eq!(line.version(), "1.2.3");
    // A tag that stays has no order.
    assert_eq!(order("type=semver,pattern={{version}},order=none"), None);
    let error = TagRule::parse("prod,order=up").unwrap_err().to_string();
    assert!(error.contains("`version`, `commit` or `none`"), "{error}");
}
