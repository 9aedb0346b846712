//! The inputs `flavor`, `images` and `labels`.

use super::*;

fn flavor(text: &str, mode: Mode) -> String {
    match Flavor::parse_list(text, mode) {
        Ok(_) => "read".to_owned(),
        Err(error) => error.to_string(),
    }
}

#[test]
fn wrong_flavors_say_what_is_wrong_and_where() {
    for (text, expected) in [
        (
            "latest",
            "line 1, column 1: `flavor` has no attribute `latest`, but",
        ),
        (
            "latest=maybe",
            "line 1, column 8: `latest` is `maybe`, not `auto`, `true` or `false`",
        ),
        (
            "\nonlatest=true",
            "line 2, column 1: `onlatest` needs `prefix=` or `suffix=`",
        ),
        ("prefix=a,onlatest=yes", "line 1, column 19: `onlatest` is `yes`"),
        ("prefix=a,prefix=b", "line 1, column 10: `prefix` stands twice"),
        (
            "colour=red",
            "line 1, column 1: `flavor` has no attribute `colour`",
        ),
        ("prefix=a/b", "line 1, column 9: `/` may not stand in a tag"),
        (
            "suffix={{version}}",
            "line 1, column 8: there is no variable `version` here",
        ),
    ] {
        let message = flavor(text, Mode::Strict);
        assert!(message.starts_with(expected), "{text}: {message}");
    }
    for text in [
        "latest=auto\nprefix=\nsuffix=",
        "prefix=a,onlatest=true,suffix=b,onlatest=false",
        "# nothing",
        "",
    ] {
        assert_eq!(flavor(text, Mode::Strict), "read", "{text}");
    }
    assert_eq!(
        flavor("onlatest=true\nprefix={{x}}/", Mode::MetadataAction),
        "read"
    );
}

#[test]
fn images_are_names_in_lower_case() {
    let read = |text| {
        Image::parse_list(text, Mode::Strict).map(|images| {
            images
                .into_iter()
                .map(|image| format!("{}{}", image.name, if image.is_enabled { "" } else { " off" }))
                .collect::<Vec<_>>()
                .join(" ")
        })
    };
    for (text, expected) in [
        ("", ""),
        ("user/app", "user/app"),
        ("user/App,ghcr.io/user/app", "user/app ghcr.io/user/app"),
        (
            "user/app\n# comment\nname=localhost:5000/a/b,enable=false",
            "user/app localhost:5000/a/b off",
        ),
        ("name=a__b-c.d,enable=true", "a__b-c.d"),
        (
            "123456789012.dkr.ecr.eu-central-1.amazonaws.com/team/app",
            "123456789012.dkr.ecr.eu-central-1.amazonaws.com/team/app",
        ),
    ] {
        assert_eq!(read(text).as_deref(), Ok(expected), "{text}");
    }
    for (text, expected) in [
        ("enable=true", "line 1, column 1: `` is not an image name"),
        ("a\nname=b,enable=no", "line 2, column 15: `enable` is `no`"),
        ("name=a,name=b", "line 1, column 8: `name` stands twice"),
        (
            "name=a,colour=b",
            "line 1, column 8: `images` has no attribute `colour`",
        ),
        (
            "user/app:latest",
            "line 1, column 1: `user/app:latest` is not an image name",
        ),
        ("host:99999/a", "`host:99999/a` is not an image name"),
        ("user//app", "is not an image name"),
        ("_a", "is not an image name"),
    ] {
        let message = read(text).unwrap_err().to_string();
        assert!(message.contains(expected), "{text}: {message}");
    }
}
