//! Layouts that are written and read, and hostile ones.

use std::fs;
use std::os::unix::fs::symlink;

use serde_json::{Value, json};
use tagship_domain::content::{OCI_CONFIG, OCI_LAYER_GZIP};
use tagship_domain::reference::Reference;
use tempfile::TempDir;

use super::*;
use crate::copy::{CopyPlan, copy, verify_copy};
use crate::in_memory::InMemoryRegistry;
use crate::repository::WriteRepository as _;
use crate::tree::ImageTree;

/// An index of one image with two layers, and its tag.
async fn stock() -> (InMemoryRegistry, ImageTree) {
    let registry = InMemoryRegistry::default();
    let config = registry.add_blob(OCI_CONFIG, r#"{"os":"linux","architecture":"amd64"}"#);
    let layers = ["one", "two"].map(|layer| registry.add_blob(OCI_LAYER_GZIP, layer.repeat(1000)));
    let image = registry.add_manifest(
        OCI_MANIFEST,
        &json!({"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": config, "layers": layers}),
    );
    // Without a media type, as some tools write it.
    let index = json!({"schemaVersion": 2, "manifests": [image]});
    let index = registry.add_manifest(OCI_INDEX, &index);
    let root = registry.manifest(&index.digest).await.unwrap().unwrap();
    let tree = ImageTree::read(root, &registry).await.unwrap();
    (registry, tree)
}

fn tag(text: &str) -> Tag {
    Tag::parse(text).unwrap()
}

/// Copies the stock into a layout under a tag.
async fn fill(layout: &OciLayout, name: &str) -> ImageTree {
    let (registry, tree) = stock().await;
    let plan = CopyPlan::new(&tree, layout).await.unwrap();
    copy(&plan, &registry, layout, None, &|_, _| {}).await.unwrap();
    verify_copy(&tree, layout).await.unwrap();
    let reference = Reference::Tag(tag(name));
    layout.put_manifest(&reference, tree.root()).await.unwrap();
    tree
}

async fn folder() -> (TempDir, PathBuf, ImageTree) {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("image");
    let layout = OciLayout::open_or_create(&path).unwrap();
    let tree = fill(&layout, "1.0").await;
    layout.finish().unwrap();
    (home, path, tree)
}

/// Reads all of a layout's image, as a copy does.
async fn read_whole(path: &Path) -> Result<(), RegistryError> {
    let layout = OciLayout::open(path)?;
    let (_, root) = layout.only().await?;
    let tree = ImageTree::read(root, &layout).await?;
    let target = InMemoryRegistry::default();
    copy(&CopyPlan::of_all(&tree), &layout, &target, None, &|_, _| {}).await?;
    Ok(())
}

#[tokio::test]
async fn what_is_written_is_read_from_a_folder_and_from_an_archive() {
    let home = tempfile::tempdir().unwrap();
    for name in ["folder", "archive.tar"] {
        let path = home.path().join(name);
        let layout = if name == "folder" {
            OciLayout::open_or_create(&path).unwrap()
        } else {
            OciLayout::create_archive(&path).unwrap()
        };
        let tree = fill(&layout, "1.0").await;
        layout.finish().unwrap();

        let layout = OciLayout::open(&path).unwrap();
        assert_eq!(layout.list_tags().await.unwrap(), [tag("1.0")]);
        let (only, root) = layout.only().await.unwrap();
        assert_eq!((only, &root), (Some(tag("1.0")), tree.root()), "byte for byte");
        verify_copy(&tree, &layout).await.unwrap();
        read_whole(&path).await.unwrap();
        assert!(
            layout.put_blob(Bytes::new()).await.is_err(),
            "it was opened to be read"
        );
    }
    let left: Vec<_> = fs::read_dir(home.path()).unwrap().collect();
    assert_eq!(left.len(), 2, "{left:?}");
    assert!(OciLayout::create_archive(&home.path().join("archive.tar")).is_err());
}

/// Source: OCI image spec, "Image Layout".
#[tokio::test]
async fn the_files_are_those_of_the_specification() {
    let (_home, path, tree) = folder().await;
    let read = |name: &str| -> Value { serde_json::from_slice(&fs::read(path.join(name)).unwrap()).unwrap() };
    assert_eq!(read("oci-layout"), json!({"imageLayoutVersion": "1.0.0"}));
    let root = tree.root();
    let expected = json!([{
        "mediaType": OCI_INDEX,
        "digest": root.digest(),
        "size": root.bytes().len(),
        "annotations": {"org.opencontainers.image.ref.name": "1.0"},
    }]);
    assert_eq!(read("index.json")["manifests"], expected);
    let hex = root.digest().to_string().replace("sha256:", "");
    assert_eq!(
        fs::read(path.join("blobs/sha256").join(hex)).unwrap(),
        root.bytes().to_vec()
    );
}

#[tokio::test]
async fn a_tag_that_moves_leaves_the_other_image_under_its_digest() {
    let (_home, path, tree) = folder().await;
    let layout = OciLayout::open_or_create(&path).unwrap();
    let image = tree.children_first()[0].manifest.clone();
    let reference = Reference::Tag(tag("1.0"));
    layout.put_manifest(&reference, &image).await.unwrap();
    let layout = OciLayout::open(&path).unwrap();
    let found = layout.resolve(&[tag("1.0")]).await.unwrap();
    assert_eq!(found[&tag("1.0")].digest(), image.digest());
    assert_eq!(layout.entries().unwrap().len(), 2);
    let several = layout.only().await.unwrap_err().to_string();
    assert!(several.contains("its tags are `1.0`"), "{several}");
}

/// Each opens the folder for itself, as each process does.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn whoever_writes_to_one_folder_at_the_same_time_loses_no_tag() {
    let (_home, path, tree) = folder().await;
    // What another tool has listed, and the file that a process left which was killed while it had the lock.
    let mut index: Value = serde_json::from_slice(&fs::read(path.join("index.json")).unwrap()).unwrap();
    let foreign =
        json!({"mediaType": OCI_MANIFEST, "digest": Digest::of(b"foreign"), "size": 7, "x-of-others": 1});
    index["manifests"].as_array_mut().unwrap().push(foreign.clone());
    index["x-more"] = json!("kept");
    fs::write(path.join("index.json"), index.to_string()).unwrap();
    fs::write(path.join("index.json.lock"), "").unwrap();

    let (writers, tags) = (8, 10);
    let written = (0..writers).map(|writer| {
        let layout = OciLayout::open_or_create(&path).unwrap();
        let root = tree.root().clone();
        tokio::spawn(async move {
            for number in 0..tags {
                let reference = Reference::Tag(tag(&format!("{writer}-{number}")));
                layout.put_manifest(&reference, &root).await.unwrap();
            }
        })
    });
    for written in written.collect::<Vec<_>>() {
        written.await.unwrap();
    }
    let mut found = OciLayout::open(&path).unwrap().list_tags().await.unwrap();
    found.sort_unstable();
    let mut expected: Vec<Tag> = (0..writers)
        .flat_map(|writer| (0..tags).map(move |number| tag(&format!("{writer}-{number}"))))
        .chain([tag("1.0")])
        .collect();
    expected.sort_unstable();
    assert_eq!(found, expected);
    let index: Value = serde_json::from_slice(&fs::read(path.join("index.json")).unwrap()).unwrap();
    assert_eq!(index["x-more"], "kept");
    assert!(index["manifests"].as_array().unwrap().contains(&foreign));
    let names = fs::read_dir(&path)
        .unwrap()
        .map(|entry| entry.unwrap().file_name());
    let mut names: Vec<_> = names.map(|name| name.into_string().unwrap()).collect();
    names.sort_unstable();
    assert_eq!(names, ["blobs", "index.json", "oci-layout"]);
}

#[tokio::test]
async fn a_layout_that_is_written_is_seen_as_others_leave_it() {
    let (_home, path, tree) = folder().await;
    let [ours, theirs] = [(); 2].map(|()| OciLayout::open_or_create(&path).unwrap());
    let latest = tag("latest");
    let asked = [latest.clone()];
    assert!(ours.resolve(&asked).await.unwrap().is_empty());
    theirs
        .put_manifest(&Reference::Tag(latest.clone()), tree.root())
        .await
        .unwrap();
    assert_eq!(ours.resolve(&asked).await.unwrap()[&latest], *tree.root());
}

#[tokio::test]
async fn an_index_that_would_be_too_long_to_read_is_not_written() {
    let (_home, path, tree) = folder().await;
    let mut index: Value = serde_json::from_slice(&fs::read(path.join("index.json")).unwrap()).unwrap();
    let entries = index["manifests"].as_array_mut().unwrap();
    entries.resize(10_000, entries[0].clone());
    fs::write(path.join("index.json"), index.to_string()).unwrap();
    let layout = OciLayout::open_or_create(&path).unwrap();
    let refused = layout
        .put_manifest(&Reference::Tag(tag("2.0")), tree.root())
        .await;
    let refused = refused.unwrap_err().to_string();
    assert!(refused.contains("more than 10000 manifests"), "{refused}");
    OciLayout::open(&path).unwrap();
}

#[tokio::test]
async fn links_are_not_followed_and_nothing_is_waited_for() {
    let secret = tempfile::NamedTempFile::new().unwrap();
    for name in ["index.json", "oci-layout", "blobs", "a blob"] {
        let (home, path, tree) = folder().await;
        let layer = tree.blobs().keys().next().copied().unwrap();
        let victim = match name {
            "a blob" => path.join(blob_name(&layer)),
            name => path.join(name),
        };
        let aside = home.path().join("aside");
        fs::rename(&victim, &aside).unwrap();
        symlink(if name == "a blob" { secret.path() } else { &aside }, &victim).unwrap();
        let error = read_whole(&path).await.unwrap_err().to_string();
        assert!(error.contains("is a link"), "{name}: {error}");

        fs::remove_file(&victim).unwrap();
        let made = std::process::Command::new("mkfifo")
            .arg(&victim)
            .status()
            .unwrap();
        assert!(made.success());
        let error = read_whole(&path).await.unwrap_err().to_string();
        assert!(
            error.contains("it is no file") || error.contains("cannot be read"),
            "{name}: {error}"
        );
    }
}

#[tokio::test]
async fn what_is_damaged_or_huge_is_refused() {
    let hex = |tree: &ImageTree, manifest: bool| {
        let layers = tree.blobs();
        let layer = layers.values().max_by_key(|blob| blob.size).unwrap().digest;
        blob_name(&if manifest { tree.root().digest() } else { layer })
    };
    for (damage, expected) in [
        ("layer", "other content"),
        ("manifest", "other content"),
        ("huge manifest", "are the most"),
        ("huge index", "are the most"),
        ("huge layer", "in place of"),
        ("wrong digest", "index.json"),
        ("another version", "a version that is not 1"),
        ("no marker", "it has no `oci-layout`"),
        ("no index", "it holds no image yet"),
    ] {
        let (_home, path, tree) = folder().await;
        let grow = |name: &str| {
            let file = fs::OpenOptions::new().write(true).open(path.join(name)).unwrap();
            file.set_len(1 << 40).unwrap();
        };
        let flip = |name: &str| {
            let mut content = fs::read(path.join(name)).unwrap();
            content[0] ^= 1;
            fs::write(path.join(name), content).unwrap();
        };
        match damage {
            "layer" => flip(&hex(&tree, false)),
            "manifest" => flip(&hex(&tree, true)),
            "huge manifest" => grow(&hex(&tree, true)),
            "huge index" => grow("index.json"),
            "huge layer" => grow(&hex(&tree, false)),
            "another version" => {
                fs::write(path.join("oci-layout"), r#"{"imageLayoutVersion":"2.0"}"#).unwrap();
            }
            "no marker" => fs::remove_file(path.join("oci-layout")).unwrap(),
            "no index" => fs::remove_file(path.join("index.json")).unwrap(),
            _ => {
                let index = fs::read_to_string(path.join("index.json")).unwrap();
                let digest = tree.root().digest().to_string();
                let index = index.replace(&digest, "sha256:../../../etc/passwd");
                fs::write(path.join("index.json"), index).unwrap();
            }
        }
        let error = read_whole(&path).await.unwrap_err().to_string();
        assert!(error.contains(expected), "{damage}: {error}");
    }
}

#[tokio::test]
async fn hostile_archives_are_refused_and_lead_nowhere() {
    let (home, path, tree) = folder().await;
    let layer = blob_name(tree.blobs().keys().next().unwrap());
    let names: Vec<String> = ["index.json".to_owned(), "oci-layout".to_owned()]
        .into_iter()
        .chain(tree.blobs().keys().map(blob_name))
        .chain(
            tree.children_first()
                .iter()
                .map(|node| blob_name(&node.manifest.digest())),
        )
        .collect();
    let archive = home.path().join("image.tar");
    let pack = |more: &dyn Fn(&mut tar::Builder<Vec<u8>>), left_out: &str| {
        let mut builder = tar::Builder::new(Vec::new());
        more(&mut builder);
        for name in names.iter().filter(|name| *name != left_out) {
            builder
                .append_path_with_name(path.join(name), format!("./{name}"))
                .unwrap();
        }
        builder.into_inner().unwrap()
    };
    let link = |builder: &mut tar::Builder<Vec<u8>>| {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(tar::EntryType::Symlink);
        header.set_size(0);
        builder.append_link(&mut header, &layer, "/etc/passwd").unwrap();
    };
    let twice = |builder: &mut tar::Builder<Vec<u8>>| {
        builder.append_path_with_name(path.join(&layer), &layer).unwrap();
    };
    let outside = |builder: &mut tar::Builder<Vec<u8>>| {
        let mut header = tar::Header::new_gnu();
        header.as_mut_bytes()[..14].copy_from_slice(b"../../outside\0");
        header.set_size(1);
        header.set_cksum();
        builder.append(&header, &b"x"[..]).unwrap();
    };
    let whole = pack(&|_| {}, "");
    let cases: [(&str, Vec<u8>, Option<&str>); 8] = [
        ("whole", whole.clone(), None),
        ("outside", pack(&outside, ""), None),
        ("a link", pack(&link, &layer), Some("is no file")),
        ("twice", pack(&twice, ""), Some("is there twice")),
        ("a blob is missing", pack(&|_| {}, &layer), Some("lacks")),
        ("broken off", whole[..whole.len() / 2].to_vec(), Some("it ")),
        (
            "compressed",
            [&[0x1f, 0x8b][..], &whole].concat(),
            Some("it is compressed"),
        ),
        ("no archive", vec![b'x'; 4096], Some("it is no tar archive")),
    ];
    for (name, content, expected) in cases {
        fs::write(&archive, content).unwrap();
        let read = read_whole(&archive).await.map_err(|error| error.to_string());
        match expected {
            None => read.unwrap(),
            Some(expected) => assert!(
                read.as_ref().is_err_and(|error| error.contains(expected)),
                "{name}: {read:?}"
            ),
        }
    }
    assert!(!home.path().join("../../outside").exists());
}

#[tokio::test]
async fn a_folder_of_something_else_is_left_alone() {
    let home = tempfile::tempdir().unwrap();
    fs::write(home.path().join("mine"), "x").unwrap();
    let error = OciLayout::open_or_create(home.path()).unwrap_err().to_string();
    assert!(error.contains("a folder of something else"), "{error}");
}

/// Whatever moment a copy is broken off at, the next one goes on.
#[tokio::test]
async fn a_copy_that_was_broken_off_is_repeated() {
    let (registry, tree) = stock().await;
    let largest = tree
        .blobs()
        .into_values()
        .max_by_key(|blob| blob.size)
        .unwrap()
        .clone();
    for left in ["nothing", "a file without a name", "the marker", "one blob"] {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("image");
        match left {
            "one blob" => {
                let layout = OciLayout::open_or_create(&path).unwrap();
                let content = registry.open(&largest).await.unwrap();
                layout
                    .upload(&largest.digest, largest.size, content)
                    .await
                    .unwrap();
                let error = OciLayout::open(&path).unwrap_err();
                assert!(error.to_string().contains("was broken off"), "{error}");
            }
            "nothing" => {}
            _ => {
                fs::create_dir(&path).unwrap();
                let name = if left == "the marker" {
                    "oci-layout"
                } else {
                    ".17-0.partial"
                };
                fs::write(path.join(name), r#"{"imageLayoutVersion":"1.0.0"}"#).unwrap();
            }
        }
        let layout = OciLayout::open_or_create(&path).unwrap_or_else(|error| panic!("{left}: {error}"));
        let plan = CopyPlan::new(&tree, &layout).await.unwrap();
        assert_eq!(plan.present, usize::from(left == "one blob"), "{left}");
        fill(&layout, "1.0").await;
        read_whole(&path).await.unwrap();
    }
}

#[tokio::test]
async fn whatever_is_wrong_has_a_hint_and_no_word_of_a_registry() {
    use tagship_domain::error::Diagnose as _;
    let (home, path, tree) = folder().await;
    let layer = tree.blobs().keys().next().copied().unwrap();
    fs::remove_file(path.join(blob_name(&layer))).unwrap();
    let old = home.path().join("old.tar");
    let mut builder = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_size(2);
    builder
        .append_data(&mut header, "manifest.json", &b"[]"[..])
        .unwrap();
    fs::write(&old, builder.into_inner().unwrap()).unwrap();
    let other = home.path().join("other");
    fs::create_dir(&other).unwrap();
    fs::write(other.join("file"), "x").unwrap();
    let errors = [
        read_whole(&path).await.unwrap_err(),
        OciLayout::open(&home.path().join("absent")).unwrap_err(),
        OciLayout::open(&old).unwrap_err(),
        OciLayout::open(&other).unwrap_err(),
        OciLayout::open_or_create(&other).unwrap_err(),
        OciLayout::create_archive(&old).unwrap_err(),
    ];
    for error in errors {
        assert!(error.hint().is_some(), "{error}");
        assert!(!error.to_string().contains("registry"), "{error}");
    }
}
