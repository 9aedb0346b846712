//! What files say once an image is published.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::content::Platform;
use crate::facts::PlatformManifest;
use crate::reference::{Digest, ImageName, RegistryHost, RepositoryName, Tag};

const NAME: &str = "123456789012.dkr.ecr.eu-central-1.amazonaws.com/team/app";

fn digest() -> Digest {
    Digest::of(b"image")
}

fn reference() -> String {
    format!("{NAME}@{}", digest())
}

/// What an entry makes of a text, for an image of these platforms.
fn rendered(entry: &str, existing: Option<&str>, platforms: &[&str]) -> Result<String, DeployFileProblem> {
    let (registry, repository) = NAME.split_once('/').unwrap();
    let name = ImageName {
        registry: RegistryHost::parse(registry).unwrap(),
        repository: RepositoryName::parse(repository).unwrap(),
    };
    let tag = Tag::parse("1.10").unwrap();
    let platforms: Vec<PlatformManifest> = platforms
        .iter()
        .map(|platform| PlatformManifest {
            platform: Platform::parse(platform).unwrap(),
            digest: Digest::of(platform.as_bytes()),
        })
        .collect();
    let image = DeployedImage {
        name: &name,
        digest: digest(),
        tag: Some(&tag),
        platforms: &platforms,
    };
    DeployFile::parse(&format!("{entry},path=file"))
        .unwrap()
        .render(existing, &image)
}

#[track_caller]
fn expect(entry: &str, existing: &str, expected: &str) {
    let expected = expected.replace("REFERENCE", &reference());
    let expected = expected
        .replace("DIGEST", &digest().to_string())
        .replace("NAME", NAME);
    assert_eq!(
        rendered(entry, Some(existing), &["linux/amd64"]).unwrap(),
        expected
    );
}

#[track_caller]
fn problem(entry: &str, existing: Option<&str>) -> String {
    rendered(entry, existing, &["linux/amd64"])
        .unwrap_err()
        .to_string()
}

#[test]
fn containers_are_given_their_images_for_codepipeline() {
    let entry = "type=image-definitions,container=web";
    let read = |existing: Option<&str>| -> Value {
        let text = rendered(entry, existing, &[]).unwrap();
        assert_eq!(rendered(entry, Some(&text), &[]).unwrap(), text);
        serde_json::from_str(&text).unwrap()
    };
    let own = json!({"name": "web", "imageUri": reference()});
    assert_eq!(read(None), json!([own]));
    // Other containers keep their images.
    let proxy = json!({"name": "proxy", "imageUri": "envoy:1"});
    let existing = json!([{"name": "web", "imageUri": "app:old"}, proxy]).to_string();
    assert_eq!(read(Some(&existing)), json!([own, proxy]));
    assert_eq!(read(Some("[]")), json!([own]));
    for (wrong, said) in [
        (
            "{}",
            "is no list of image definitions: invalid type: map, expected a sequence",
        ),
        ("[1]", "is no list of image definitions: an entry has no `name`"),
        ("[{}]", "is no list of image definitions: an entry has no `name`"),
        ("", "is no list of image definitions: EOF"),
    ] {
        let problem = problem(entry, Some(wrong));
        assert!(problem.starts_with(said), "{problem}");
    }
}

/// Source of the fields: AWS App Runner API reference, `UpdateService` and `DescribeService`.
#[test]
fn a_service_of_app_runner_keeps_what_an_update_takes() {
    let source = |image: &str| {
        json!({
            "ImageRepository": {
                "ImageIdentifier": image,
                "ImageConfiguration": {"Port": "8080", "RuntimeEnvironmentVariables": {"A": "b"}},
                "ImageRepositoryType": "ECR",
            },
            "AutoDeploymentsEnabled": false,
            "AuthenticationConfiguration": {"AccessRoleArn": "arn:aws:iam::123456789012:role/pull"},
        })
    };
    let arn = "arn:aws:apprunner:eu-central-1:123456789012:service/app/8fe1e10304f84fd2b0df550fe98a71fa";
    let described = json!({"Service": {
        "ServiceName": "app",
        "ServiceId": "8fe1e10304f84fd2b0df550fe98a71fa",
        "ServiceArn": arn,
        "ServiceUrl": "psbqam834h.eu-central-1.awsapprunner.com",
        "Status": "RUNNING",
        "CreatedAt": 1.0,
        "SourceConfiguration": source("app:old"),
        "InstanceConfiguration": {"Cpu": "1024", "Memory": "2048"},
        "AutoScalingConfigurationSummary": {"AutoScalingConfigurationName": "x"},
    }});
    let entry = "type=app-runner";
    let expected = |image: &str| {
        json!({
            "ServiceArn": arn,
            "SourceConfiguration": source(image),
            "InstanceConfiguration": {"Cpu": "1024", "Memory": "2048"},
        })
    };
    for existing in [&described, &described["Service"]] {
        let text = rendered(entry, Some(&existing.to_string()), &["linux/amd64"]).unwrap();
        assert_eq!(
            serde_json::from_str::<Value>(&text).unwrap(),
            expected(&reference())
        );
        assert_eq!(rendered(entry, Some(&text), &["linux/amd64"]).unwrap(), text);
    }
    // Of several platforms it runs one.
    let several = ["linux/arm64", "linux/amd64"];
    let text = rendered(entry, Some(&described.to_string()), &several).unwrap();
    let amd64 = format!("{NAME}@{}", Digest::of(b"linux/amd64"));
    assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), expected(&amd64));
    assert_eq!(problem(entry, None), "does not exist");
    for (wrong, said) in [
        ("[]", "it is no object"),
        ("{}", "it has no `ServiceArn`"),
        (
            r#"{"ServiceArn": "a", "SourceConfiguration": {"CodeRepository": {}}}"#,
            "it has no `ImageRepository` in `SourceConfiguration`",
        ),
        ("{", "EOF while parsing an object at line 1 column 1"),
    ] {
        let said = format!("is no input of `aws apprunner update-service`: {said}");
        assert_eq!(problem(entry, Some(wrong)), said);
    }
}

#[test]
fn a_task_definition_keeps_all_but_what_an_answer_adds() {
    let described = json!({"taskDefinition": {
        "taskDefinitionArn": "arn:aws:ecs:eu-central-1:123456789012:task-definition/app:7",
        "family": "app",
        "revision": 7,
        "status": "ACTIVE",
        "requiresAttributes": [{"name": "com.amazonaws.ecs.capability.ecr-auth"}],
        "compatibilities": ["EC2"],
        "registeredAt": "2026-11-01T00:00:00Z",
        "registeredBy": "arn:aws:iam::123456789012:user/ada",
        "containerDefinitions": [
            {"name": "proxy", "image": "envoy:1", "essential": true},
            {"name": "web", "image": "app:old", "cpu": 256, "environment": [{"name": "A", "value": "b"}]},
        ],
        "networkMode": "awsvpc",
    }});
    let expected = json!({
        "family": "app",
        "containerDefinitions": [
            {"name": "proxy", "image": "envoy:1", "essential": true},
            {"name": "web", "image": reference(), "cpu": 256, "environment": [{"name": "A", "value": "b"}]},
        ],
        "networkMode": "awsvpc",
    });
    let entry = "type=task-definition,container=web";
    for existing in [&described, &described["taskDefinition"]] {
        let text = rendered(entry, Some(&existing.to_string()), &[]).unwrap();
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), expected);
        // What was written is read again.
        assert_eq!(rendered(entry, Some(&text), &[]).unwrap(), text);
    }
    let other = problem("type=task-definition,container=api", Some(&described.to_string()));
    assert_eq!(other, "has no container `api`; it has `proxy`, `web`");
    assert_eq!(problem(entry, None), "does not exist");
    for (wrong, said) in [
        ("[]", "is no task definition: it is no object"),
        (
            "{}",
            "is no task definition: it has no list `containerDefinitions`",
        ),
        (
            "{",
            "is no task definition: EOF while parsing an object at line 1 column 1",
        ),
    ] {
        assert_eq!(problem(entry, Some(wrong)), said);
    }
}

#[test]
fn a_function_is_given_the_manifest_of_its_platform() {
    let entry = "type=lambda,function=resize";
    let text = rendered(entry, None, &["linux/arm64"]).unwrap();
    let read: Value = serde_json::from_str(&text).unwrap();
    let image = format!("{NAME}@{}", Digest::of(b"linux/arm64"));
    assert_eq!(read, json!({"FunctionName": "resize", "ImageUri": image}));
    let both = ["linux/amd64", "linux/arm64"];
    assert_eq!(
        rendered(entry, None, &both).unwrap_err().to_string(),
        "takes one platform, and the image has `linux/amd64`, `linux/arm64`; add `platform`"
    );
    assert_eq!(
        rendered(&format!("{entry},platform=linux/arm64"), None, &both).unwrap(),
        text
    );
    assert_eq!(
        rendered(&format!("{entry},platform=linux/s390x"), None, &both)
            .unwrap_err()
            .to_string(),
        "is for `linux/s390x`, and the image has `linux/amd64`, `linux/arm64`"
    );
}

#[test]
fn a_variable_has_a_line_of_its_own() {
    expect("type=env", "", "IMAGE=REFERENCE\n");
    expect(
        "type=env,name=APP",
        "# by hand\nAPP_PORT=80\nexport APP=old\nB=1",
        "# by hand\nAPP_PORT=80\nexport APP=REFERENCE\nB=1",
    );
    assert_eq!(
        rendered("type=env", None, &[]).unwrap(),
        format!("IMAGE={}\n", reference())
    );
}

// The multi-line values are those of dotenv's README.
#[test]
fn every_other_line_stays_byte_by_byte() {
    for (before, after) in [
        (
            "A=1\r\nIMAGE=old\r\n\r\nB=2\r\n",
            "A=1\r\nIMAGE=REFERENCE\r\n\r\nB=2\r\n",
        ),
        ("A=1\r\n", "A=1\r\nIMAGE=REFERENCE\r\n"),
        ("A=1", "A=1\nIMAGE=REFERENCE\n"),
        ("\u{feff}IMAGE=old\n", "\u{feff}IMAGE=REFERENCE\n"),
        (" export\tIMAGE = old\n\n\n", " export\tIMAGE=REFERENCE\n\n\n"),
        (
            "exported=1\nexportIMAGE=2",
            "exported=1\nexportIMAGE=2\nIMAGE=REFERENCE\n",
        ),
        // What looks like it within a value of several lines is no line of its own.
        (
            "KEY=\"begin\nIMAGE=inside\nend\" # key\nB=2\n",
            "KEY=\"begin\nIMAGE=inside\nend\" # key\nB=2\nIMAGE=REFERENCE\n",
        ),
        ("KEY='a\n\\'\nIMAGE=old\n", "KEY='a\n\\'\nIMAGE=REFERENCE\n"),
        (
            "KEY=\"a\\\"\nIMAGE=inside\n\"\n",
            "KEY=\"a\\\"\nIMAGE=inside\n\"\nIMAGE=REFERENCE\n",
        ),
        ("IMAGE=\"old\nof two lines\"\nB=2\n", "IMAGE=REFERENCE\nB=2\n"),
        // Quotes that are no such value.
        ("A=\"\nIMAGE=old\nB=\"x\n", "A=\"\nIMAGE=REFERENCE\nB=\"x\n"),
        ("# A=\"\nIMAGE=old\n\"\n", "# A=\"\nIMAGE=REFERENCE\n\"\n"),
    ] {
        expect("type=env", before, after);
    }
}

#[test]
fn one_value_of_a_chart_changes_and_comments_stay() {
    let values = "# Values of ärger.\nimage:\n  repository: x # who\n  digest: \"sha256:old\"   # what\n  tag: 1.9\nempty:\nlist: [a, {b: c}]\n";
    expect(
        "type=helm-values,key=image.digest,value=digest",
        values,
        &values.replace("\"sha256:old\"", "\"DIGEST\""),
    );
    expect(
        "type=helm-values,key=image.repository,value=repository",
        values,
        &values.replace(": x #", ": NAME #"),
    );
    // A tag is never a number.
    expect(
        "type=helm-values,key=image.tag,value=tag",
        values,
        &values.replace("tag: 1.9", "tag: \"1.10\""),
    );
    expect(
        "type=helm-values,key=empty",
        values,
        &values.replace("empty:", "empty: REFERENCE"),
    );
    for (key, said) in [
        ("image.none", "has no `image.none`"),
        ("none.digest", "has no `none.digest`"),
        (
            "image",
            "has `image` as a mapping, which cannot be changed and leave the rest of the file as it is",
        ),
        (
            "list",
            "has `list` as a list, which cannot be changed and leave the rest of the file as it is",
        ),
    ] {
        assert_eq!(
            problem(&format!("type=helm-values,key={key}"), Some(values)),
            said
        );
    }
    for (values, said) in [
        (
            "a: &x 1\nb: *x\n",
            "has `a` as a value with an anchor, which cannot be changed and leave the rest of the file as it is",
        ),
        (
            "x: &x 1\na: *x\n",
            "has `a` as an alias, which cannot be changed and leave the rest of the file as it is",
        ),
        (
            "a: |\n  lines\n",
            "has `a` as a block of lines, which cannot be changed and leave the rest of the file as it is",
        ),
        ("a: 1\n---\na: 2\n", "has several documents"),
        ("a: 1\na: 2\n", "has a key twice"),
        ("a: [1\n", "is not YAML: line 2, column 1"),
        ("", "is empty"),
    ] {
        assert_eq!(
            problem("type=helm-values,key=a", Some(values)),
            said,
            "{values:?}"
        );
    }
}

#[test]
fn a_kustomization_names_the_image_by_digest() {
    let entry = "type=kustomize,name=app";
    expect(
        entry,
        "resources:\n- a.yaml\n",
        "resources:\n- a.yaml\nimages:\n- name: \"app\"\n  newName: NAME\n  digest: DIGEST\n",
    );
    expect(
        entry,
        "images:\n  # The others.\n  - name: other\n    newTag: \"1\"\nnamespace: x\n",
        "images:\n  # The others.\n  - name: \"app\"\n    newName: NAME\n    digest: DIGEST\n  - name: other\n    newTag: \"1\"\nnamespace: x\n",
    );
    expect(
        entry,
        "images:\n- name: app # ours\n  newTag: 1.0.0 # by hand\n- name: other\n  newTag: \"1\"\n",
        "images:\n- name: app # ours\n  newName: NAME\n  digest: DIGEST\n- name: other\n  newTag: \"1\"\n",
    );
    let again = "images:\n- digest: 'sha256:old'\n  name: app\n  newName: old\n";
    expect(
        entry,
        again,
        "images:\n- digest: 'DIGEST'\n  name: app\n  newName: NAME\n",
    );
    expect(
        "type=kustomize",
        "images: # none\n- name: app\n",
        "images: # none\n- name: NAME\n  newName: NAME\n  digest: DIGEST\n- name: app\n",
    );
    for (text, said) in [
        ("images: []\n", "a list in brackets"),
        ("images: {}\n", "no list"),
        ("images:\n", "no list"),
        ("{resources: []}", "no key of a mapping in lines"),
        ("images:\n- {name: app}\n", "an entry in braces"),
        (
            "images:\n- newTag: x\n  name: app\n",
            "an entry that begins with `newTag`",
        ),
        (
            "images:\n- name: app\n  digest: &d x\nother: *d\n",
            "a value with an anchor",
        ),
    ] {
        let said = format!(
            "has `images` as {said}, which cannot be changed and leave the rest of the file as it is"
        );
        assert_eq!(problem(entry, Some(text)), said, "{text:?}");
    }
}

proptest! {
    /// Whatever a file says, it is refused, or says what it is to say and stays as it is when it is made again.
    #[test]
    fn any_json_is_refused_or_changed_once(text in "\\[?(\\{(\"(name|imageUri|ServiceArn|SourceConfiguration|ImageRepository|Service|containerDefinitions)\": ?(\"web\"|\\{\\}|\\[\\]|1|null),?){0,3}\\},?){0,3}\\]?") {
        for entry in ["type=image-definitions,container=web", "type=app-runner", "type=task-definition,container=web"] {
            if let Ok(once) = rendered(entry, Some(&text), &[]) {
                prop_assert_eq!(rendered(entry, Some(&once), &[]), Ok(once));
            }
        }
    }

    #[test]
    fn any_text_is_refused_or_changed_once(text in "(images|a|b|- name|  name|  newTag|  - name|    digest|#|x)?(: |:)?(app|\\[\\]|\\{\\}|'|\"|&a|\\*a|ä|1)?\n((images|a|b|- name|  name|  newTag|  - name|    digest|#|x)?(: |:)?(app|\\[\\]|\\{\\}|'|\"|&a|\\*a|ä|1)?\n){0,5}") {
        for entry in ["type=kustomize,name=app", "type=helm-values,key=a", "type=helm-values,key=a.b,value=tag", "type=env"] {
            if let Ok(once) = rendered(entry, Some(&text), &[]) {
                prop_assert_eq!(rendered(entry, Some(&once), &[]), Ok(once));
            }
        }
    }
}
