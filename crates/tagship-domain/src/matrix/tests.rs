//! Which images a change touches.

use super::*;

fn image(name: &str, made_from: MadeFrom) -> ImageParts {
    ImageParts {
        row: Row {
            name: name.to_owned(),
            context: ".".to_owned(),
            file: None,
            repository: None,
            tag_prefix: None,
        },
        tag_prefix: TagPrefix::default(),
        made_from,
    }
}

fn places(places: &[&str]) -> MadeFrom {
    MadeFrom::Places(places.iter().map(|place| place.as_bytes().to_vec()).collect())
}

#[test]
fn a_path_touches_the_place_that_it_is_or_lies_in() {
    let touches = |path: &str, made_from: &MadeFrom| made_from.contains(path.as_bytes());
    let api = places(&["services/api", "docker/api.Dockerfile"]);
    for path in [
        "services/api/a",
        "services/api/deep/b",
        "docker/api.Dockerfile",
        // A submodule.
        "services",
        "services/api",
    ] {
        assert!(touches(path, &api), "{path}");
    }
    for path in ["services/api2/a", "service", "docker/api.Dockerfile2", "api"] {
        assert!(!touches(path, &api), "{path}");
    }
    assert!(touches("anything", &places(&["", "Dockerfile"])), "the root");
    assert!(touches("anything", &MadeFrom::Elsewhere));
}

#[test]
fn the_file_that_names_the_images_touches_all() {
    let images = [image("a", places(&["a"])), image("b", places(&["b"]))];
    let of = |paths: &[&str]| {
        let paths = paths.iter().map(|path| path.as_bytes().to_vec()).collect();
        let matrix = Matrix::of(&images, &Changes::Paths(paths), Some(b"tagship.yaml"), None);
        serde_json::to_string(&matrix).unwrap()
    };
    let both = r#"{"include":[{"name":"a","context":"."},{"name":"b","context":"."}]}"#;
    assert_eq!(of(&["tagship.yaml"]), both);
    assert_eq!(
        of(&["b/x", "c/tagship.yaml"]),
        r#"{"include":[{"name":"b","context":"."}]}"#
    );
    assert_eq!(of(&[]), r#"{"include":[]}"#);
}

#[test]
fn an_image_without_a_file_in_the_commit_is_named() {
    let filter = |pattern: &str| MadeFrom::Paths(PathFilter::parse(&[pattern]).unwrap());
    let images = [
        image("there", places(&["services/api"])),
        image("folder", places(&["servces/api"])),
        image("met", filter("services/**")),
        image("pattern", filter("servces/**")),
        image("outside", MadeFrom::Elsewhere),
    ];
    let paths = [b"services/api/Dockerfile".to_vec(), b"README.md".to_vec()];
    assert_eq!(untouchable(&images, &paths), ["folder", "pattern"]);
}
