//! What the compatible mode makes is what `docker/metadata-action` 6.2.0 was measured to make.

mod events;

use super::*;

const SEMVER_AND_SHA: &str = "type=semver,pattern={{version}}\n\
    type=semver,pattern={{major}}.{{minor}}\n\
    type=semver,pattern={{major}}\n\
    type=sha";

/// Reference, rules, flavor, tags.
type Row = (&'static str, &'static str, &'static str, &'static str);

fn check(rows: &[Row]) {
    for (git_ref, rules, flavor, expected) in rows {
        let run = Run::push(Mode::MetadataAction, git_ref);
        assert_eq!(
            run.tags(rules, flavor),
            *expected,
            "{git_ref}: {rules} ({flavor})"
        );
    }
}

#[test]
fn versions_make_the_measured_tags() {
    check(&[
        (
            "tags/v1.2.3",
            SEMVER_AND_SHA,
            "",
            "1.2.3, 1.2, 1, sha-860c190, latest",
        ),
        (
            "tags/v0.1.2",
            SEMVER_AND_SHA,
            "",
            "0.1.2, 0.1, 0, sha-860c190, latest",
        ),
        (
            "tags/v0.0.3",
            SEMVER_AND_SHA,
            "",
            "0.0.3, 0.0, 0, sha-860c190, latest",
        ),
        (
            "tags/v2.0.8-beta.67",
            SEMVER_AND_SHA,
            "",
            "2.0.8-beta.67, sha-860c190",
        ),
        (
            "tags/v1.2.3+build.5",
            SEMVER_AND_SHA,
            "",
            "1.2.3, 1.2, 1, sha-860c190, latest",
        ),
        (
            "tags/v1.2.3-rc.1+b5",
            SEMVER_AND_SHA,
            "",
            "1.2.3-rc.1, sha-860c190",
        ),
        ("tags/v1.2.3-0", SEMVER_AND_SHA, "", "1.2.3-0, sha-860c190"),
        ("tags/v1.2", SEMVER_AND_SHA, "", "sha-860c190"),
        ("tags/v01.2.3", SEMVER_AND_SHA, "", "sha-860c190"),
        ("tags/V1.2.3", SEMVER_AND_SHA, "", "sha-860c190"),
        ("tags/v1.2.3.4", SEMVER_AND_SHA, "", "sha-860c190"),
        ("tags/=v1.2.3", SEMVER_AND_SHA, "", "sha-860c190"),
        ("tags/app/v1.2.3", SEMVER_AND_SHA, "", "sha-860c190"),
        (
            "tags/v1.2.3+build.5",
            "type=semver,pattern={{raw}}\ntype=ref,event=tag",
            "",
            "v1.2.3-build.5, latest",
        ),
        (
            "tags/v2.0.8-beta.67",
            "type=semver,pattern={{raw}}\ntype=semver,pattern=v{{major}}",
            "",
            "v2.0.8-beta.67, 2.0.8-beta.67",
        ),
        (
            "tags/v2.0.8-beta.67",
            "type=semver,pattern={{version}}",
            "latest=true",
            "2.0.8-beta.67, latest",
        ),
        (
            "tags/app/v1.2.3",
            "type=semver,pattern={{version}},match=v(\\d+.\\d+.\\d+)$\n\
             type=semver,pattern={{major}}.{{minor}},match=v(\\d+.\\d+.\\d+)$",
            "",
            "1.2.3, 1.2, latest",
        ),
    ]);
}

#[test]
fn pythons_versions_make_the_measured_tags() {
    check(&[
        (
            "tags/1.2.3rc2",
            "type=pep440,pattern={{version}}\ntype=pep440,pattern={{major}}.{{minor}}",
            "",
            "1.2.3rc2",
        ),
        (
            "tags/v1.1.1",
            "type=pep440,pattern={{raw}}\ntype=pep440,pattern={{major}}.{{minor}}",
            "",
            "v1.1.1, 1.1, latest",
        ),
        (
            "tags/1.1beta2",
            "type=pep440,pattern={{major}}.{{minor}}\ntype=pep440,pattern={{major}}",
            "",
            "1.1b2",
        ),
        (
            "tags/1.0dev4",
            "type=pep440,pattern={{major}}.{{minor}}",
            "",
            "1.0.dev4",
        ),
        (
            "tags/1.2post1",
            "type=pep440,pattern={{version}}",
            "",
            "1.2.post1",
        ),
        (
            "tags/v1.2.3rc2",
            "type=pep440,pattern={{raw}}\ntype=pep440,pattern={{major}}",
            "",
            "v1.2.3rc2, 1.2.3rc2",
        ),
        (
            "tags/1.2",
            "type=pep440,pattern={{version}}\ntype=pep440,pattern={{major}}.{{minor}}",
            "",
            "1.2, latest",
        ),
    ]);
}

#[test]
fn references_make_the_measured_tags() {
    check(&[
        (
            "tags/v2.0.8-beta.67",
            "type=ref,event=tag",
            "",
            "v2.0.8-beta.67, latest",
        ),
        (
            "heads/feature/Foo_bar.baz#12",
            "type=ref,event=branch",
            "",
            "feature-Foo_bar.baz-12",
        ),
        (
            "heads/main",
            "type=edge\ntype=ref,event=branch\ntype=sha",
            "",
            "edge, main, sha-860c190",
        ),
        ("heads/dev", "type=edge\ntype=sha", "", "sha-860c190"),
        (
            "heads/dev",
            "type=edge\ntype=ref,event=branch\ntype=sha",
            "",
            "dev, sha-860c190",
        ),
        (
            "heads/dev",
            "type=edge,branch=dev\ntype=sha",
            "",
            "edge, sha-860c190",
        ),
        ("heads/it's&a", "type=raw,value={{branch}}", "", "it-x27-s-amp-a"),
        ("heads/it's&a", "type=raw,value={{{branch}}}", "", "it-s-a"),
        ("heads/it's&a", "type=ref,event=branch", "", "it-s-a"),
        (
            "heads/main",
            "type=ref,priority=2000,event=branch\ntype=edge",
            "",
            "main, edge",
        ),
        (
            "tags/20200110-RC2",
            "type=match,pattern=\\d+",
            "",
            "20200110, latest",
        ),
        (
            "tags/v2.0.8-beta.67",
            "type=match,pattern=v(\\d.\\d),group=1",
            "",
            "2.0, latest",
        ),
        (
            "tags/p1/v1.2.3",
            "type=match,pattern=p1/v(\\d.\\d.\\d),group=1",
            "",
            "1.2.3, latest",
        ),
        (
            "tags/V1.2.3",
            "type=match,pattern=/v(.*)/i,group=1",
            "",
            "1.2.3, latest",
        ),
        (
            "tags/v1.2.3",
            "type=match,pattern=/\\d/g,group=2",
            "",
            "3, latest",
        ),
        (
            "tags/v1.2.3",
            "type=match,pattern=v(x)?,group=1\ntype=sha",
            "",
            "sha-860c190",
        ),
        (
            "tags/v1.2.3",
            "type=match,pattern=v,group=1\ntype=sha",
            "",
            "sha-860c190",
        ),
    ]);
}

#[test]
fn the_order_decides_about_latest() {
    check(&[
        (
            "tags/v1.2.3",
            "type=sha,priority=2000\ntype=semver,pattern={{version}}",
            "",
            "sha-860c190, 1.2.3",
        ),
        (
            "tags/v1.2.3",
            "type=raw,value=latest\ntype=semver,pattern={{version}}",
            "",
            "1.2.3, latest, latest",
        ),
        (
            "tags/v1.2.3",
            "type=semver,pattern={{version}},enable=false\ntype=sha",
            "",
            "sha-860c190",
        ),
    ]);
}

#[test]
fn flavors_make_the_measured_tags() {
    const VERSION_AND_SHA: &str = "type=semver,pattern={{version}}\ntype=sha";
    check(&[
        (
            "tags/v1.2.3",
            "type=semver,pattern={{version}}\ntype=sha",
            "prefix=p-,onlatest=true\nsuffix=-alpine",
            "p-1.2.3-alpine, sha-860c190-alpine, p-latest",
        ),
        (
            "tags/v1.2.3",
            "type=semver,pattern={{version}},prefix=\ntype=sha,prefix=",
            "prefix=p-\nsuffix=-alpine,onlatest=true",
            "1.2.3-alpine, 860c190-alpine, latest-alpine",
        ),
        (
            "tags/v1.1.1",
            VERSION_AND_SHA,
            "prefix=foo-,onlatest=true\nsuffix=-dev,onlatest=true",
            "foo-1.1.1-dev, sha-860c190-dev, foo-latest-dev",
        ),
        (
            "tags/v1.1.1",
            VERSION_AND_SHA,
            "prefix={{branch}}-,onlatest=true",
            "-1.1.1, sha-860c190, -branch--latest",
        ),
        (
            "heads/main",
            "type=ref,event=branch",
            "latest=true",
            "main, latest",
        ),
        (
            "heads/main",
            "type=sha,suffix={{is_default_branch}}",
            "",
            "sha-860c190false",
        ),
    ]);
}

#[test]
fn what_no_registry_takes_is_made_all_the_same() {
    let long = "x".repeat(200);
    let run = Run::push(Mode::MetadataAction, "heads/main");
    assert_eq!(run.tags(&format!("type=raw,value={long}"), ""), long);
    check(&[
        ("heads/main", "type=raw,value=-x", "", "-x"),
        ("heads/main", ".x", "", ".x"),
        ("heads/main", "a b/c", "", "a-b-c"),
    ]);
}

#[test]
fn what_is_unknown_is_passed_over() {
    check(&[
        (
            "tags/v1.2.3",
            "type=semver,pattern={{version}},colour=red",
            "",
            "1.2.3, latest",
        ),
        (
            "tags/v1.2.3",
            "type=semver,pattern={{version}}{{colour}}",
            "",
            "1.2.3, latest",
        ),
        ("tags/v1.2.3", "type=raw,value=a{{colour}}b", "", "ab"),
        ("tags/v1.2.3", "type=raw,value=a,value=b", "", "b"),
        ("tags/v1.2.3", "TYPE=raw,Value=a", "", "a"),
        // Quotes keep no comma: the rest of the pattern is the value.
        ("tags/v1.2.3", "type=match,\"pattern=\\d{1,2}\"", "", ""),
        (
            "tags/1.2.3+b.5",
            "type=pep440,pattern={{version}}",
            "",
            "1.2.3-b-5, latest",
        ),
        ("tags/v1.2.3", "type=raw,value=", "", ""),
        ("heads/main", "type=semver,pattern={{version}}", "", ""),
        (
            "heads/main",
            "type=raw,value={{branch}}\n  # comment",
            "",
            "main, -comment",
        ),
    ]);
}

#[test]
fn what_the_action_refuses_is_refused() {
    let run = Run::push(Mode::MetadataAction, "tags/v1.2.3");
    for (rules, expected) in [
        ("type=colour", "there is no tag type `colour`"),
        ("type=semver", "`type=semver` needs `pattern`"),
        ("type=ref", "`type=ref` needs `event`"),
        ("type=ref,event=x", "`event` is `x`"),
        ("type=raw", "`type=raw` needs `value`"),
        ("type=sha,format=x", "`format` is `x`"),
        ("type=match,pattern=v(.*),group=foo", "`group` is `foo`"),
        ("type=raw,value=a,enable=yes", "`enable` is `yes`"),
        ("type=semver,pattern={{version}},match=v", "no group 1"),
        ("type=raw,value={{colour 'red'}}", "no variable `colour`"),
        ("type=raw,value={{date}}", "`date` takes a format"),
        ("type=raw,value={{date 'YYYY' x='y'}}", "`date` takes a format"),
        ("type=raw,value={{tag", "is not closed"),
        ("type=match,pattern=(", "regular expression"),
    ] {
        let message = run.tags(rules, "");
        assert!(
            message.starts_with("error: line 1") && message.contains(expected),
            "{rules}: {message}"
        );
    }
}
