//! Git tags and releases over HTTP, against a fake that keeps the documented rules of GitHub's API.

use secrecy::SecretString;
use tagship::github::GithubForge;
use tagship::ports::{
    ForgeError, NewAsset, ReadReleases as _, ReadTags as _, ReleaseDraft, WriteReleases as _, WriteTags as _,
};
use tagship::settings::GithubSettings;
use tagship_domain::error::Diagnose as _;
use tagship_domain::facts::CommitId;
use test_support::checkout::Checkout;
use test_support::github::{Github, REPOSITORY, TOKEN, Trouble};
use test_support::unique::sha256_hex;

struct World {
    checkout: Checkout,
    github: Github,
}

impl World {
    fn new() -> Self {
        // Another test may have been first.
        rustls::crypto::aws_lc_rs::default_provider()
            .install_default()
            .ok();
        let checkout = Checkout::with(&[("a", "a")]);
        let github = Github::of(checkout.path());
        Self { checkout, github }
    }

    fn forge(&self) -> GithubForge {
        let settings = GithubSettings {
            token: Some(SecretString::from(TOKEN)),
            repository: Some(REPOSITORY.to_owned()),
            api_url: Some(self.github.api_url().parse().unwrap()),
            server_url: None,
        };
        GithubForge::of(&settings).unwrap().unwrap()
    }

    fn head(&self) -> CommitId {
        CommitId::parse(&self.checkout.head()).unwrap()
    }
}

/// Runs a test in a world that outlives its asynchronous part.
fn with_world(test: impl AsyncFnOnce(&mut World)) {
    let mut world = World::new();
    tokio::runtime::Runtime::new().unwrap().block_on(test(&mut world));
}

const DRAFT: ReleaseDraft<'_> = ReleaseDraft {
    tag: "api/v1.0.0",
    text: "what changed",
    is_prerelease: false,
};

fn asset() -> NewAsset {
    NewAsset {
        name: "image.json".to_owned(),
        media_type: "application/json",
        content: b"{}\n".to_vec(),
    }
}

#[test]
fn a_git_tag_is_put_once_and_read_through_its_object() {
    with_world(async |world| {
        let (forge, head) = (world.forge(), world.head());
        assert_eq!(forge.tag_commit("api/v1.0.0").await.unwrap(), None);
        forge.create_tag("api/v1.0.0", &head, None).await.unwrap();
        forge
            .create_tag("api/v1.1.0", &head, Some("with\nwords"))
            .await
            .unwrap();
        for tag in ["api/v1.0.0", "api/v1.1.0"] {
            assert_eq!(forge.tag_commit(tag).await.unwrap(), Some(head.clone()), "{tag}");
        }
        let listed = forge.git_tags("api/v").await.unwrap();
        let kinds: Vec<_> = listed
            .iter()
            .map(|tag| (tag.name.as_str(), tag.is_commit))
            .collect();
        assert_eq!(kinds, [("api/v1.0.0", true), ("api/v1.1.0", false)]);
        let taken = forge.create_tag("api/v1.0.0", &head, None).await.unwrap_err();
        assert!(
            matches!(taken, ForgeError::Taken { .. }) && taken.is_unsure(),
            "{taken}"
        );
    });
}

#[test]
fn a_list_is_read_to_its_end() {
    with_world(async |world| {
        let forge = world.forge();
        for patch in 0..230 {
            world
                .github
                .put_tag(&format!("v1.0.{patch}"), &world.checkout.head());
        }
        world.github.put_tag("other", &world.checkout.head());
        assert_eq!(forge.git_tags("v").await.unwrap().len(), 230);
        assert_eq!(world.github.requests().len(), 3);
    });
}

#[test]
fn a_tag_moves_wherever_it_is_moved() {
    with_world(async |world| {
        let first = world.head();
        world.checkout.commit(&[("a", "b")]);
        world.github.push_from(world.checkout.path());
        let forge = world.forge();
        forge.create_tag("v1", &world.head(), None).await.unwrap();
        forge.move_tag("v1", &first).await.unwrap();
        assert_eq!(forge.tag_commit("v1").await.unwrap(), Some(first));
    });
}

#[test]
fn a_release_is_drafted_filled_and_published() {
    with_world(async |world| {
        let forge = world.forge();
        forge.create_tag(DRAFT.tag, &world.head(), None).await.unwrap();
        assert_eq!(forge.release(DRAFT.tag).await.unwrap(), None);
        let draft = forge.draft(&DRAFT).await.unwrap();
        assert!(draft.is_draft);
        forge.upload(&draft, &asset()).await.unwrap();
        forge.rewrite(draft.id, "more changed").await.unwrap();
        let found = forge.release(DRAFT.tag).await.unwrap().unwrap();
        assert_eq!((found.id, found.text.as_str()), (draft.id, "more changed"));
        let held = &found.assets[0];
        assert!(held.is_complete);
        assert_eq!(held.digest, Some(format!("sha256:{}", sha256_hex(b"{}\n"))));
        let again = forge.upload(&draft, &asset()).await.unwrap_err();
        assert!(again.is_unsure(), "{again}");
        forge.remove_asset(held.id).await.unwrap();
        forge.upload(&draft, &asset()).await.unwrap();
        let url = forge.publish(draft.id, true, false).await.unwrap();
        let published = forge.release(DRAFT.tag).await.unwrap().unwrap();
        assert_eq!((published.is_draft, &published.url), (false, &url));
        assert_eq!(world.github.latest().as_deref(), Some(DRAFT.tag));
        // Immutable now.
        let late = forge
            .upload(
                &published,
                &NewAsset {
                    name: "late.json".to_owned(),
                    ..asset()
                },
            )
            .await
            .unwrap_err();
        assert!(matches!(late, ForgeError::AgainstRules { .. }), "{late}");
    });
}

#[test]
fn the_first_of_several_drafts_is_everybodys() {
    with_world(async |world| {
        let forge = world.forge();
        let first = forge.draft(&DRAFT).await.unwrap();
        for _ in 0..120 {
            forge.draft(&DRAFT).await.unwrap();
        }
        assert_eq!(forge.release(DRAFT.tag).await.unwrap().unwrap().id, first.id);
    });
}

#[test]
fn a_missing_right_is_named_before_anything_is_made() {
    with_world(async |world| {
        let forge = world.forge();
        forge.check_write().await.unwrap();
        world.github.let_write(false);
        let error = forge.check_write().await.unwrap_err();
        assert_eq!(
            error.to_string(),
            "GitHub does not let the token write to `tagship/tagship`: Resource not accessible by integration; it needs contents=write (403 Forbidden)"
        );
        assert_eq!(error.kind().exit_code(), 3);
        let hint = error.hint().unwrap();
        assert!(hint.contains("`permissions: contents: write`"), "{hint}");
        assert!(world.github.tags().is_empty());
    });
}

#[test]
fn what_reads_is_repeated_and_what_makes_is_looked_into() {
    with_world(async |world| {
        let (forge, head) = (world.forge(), world.head());
        world.github.trouble(0, Trouble::Failed(502));
        world.github.trouble(1, Trouble::Failed(503));
        assert_eq!(forge.tag_commit("v1").await.unwrap(), None);
        world.github.forget();
        world.github.trouble(0, Trouble::Lost);
        let error = forge.create_tag("v1", &head, None).await.unwrap_err();
        assert!(error.is_unsure(), "{error}");
        assert_eq!(world.github.requests().len(), 1);
        assert_eq!(forge.tag_commit("v1").await.unwrap(), Some(head));
    });
}

#[test]
fn a_limit_is_waited_for_if_it_is_short() {
    with_world(async |world| {
        let (forge, head) = (world.forge(), world.head());
        world.github.trouble(0, Trouble::Limited(1));
        forge.create_tag("v1", &head, None).await.unwrap();
        world.github.forget();
        world.github.trouble(0, Trouble::SpentLimit);
        let error = forge.create_tag("v2", &head, None).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            "GitHub takes no more requests about `tagship/tagship` for 3600 s: API rate limit exceeded for installation ID 1."
        );
        assert_eq!(world.github.requests().len(), 1);
    });
}

#[test]
fn a_name_that_an_immutable_release_had_is_spent() {
    with_world(async |world| {
        world.github.spend(DRAFT.tag);
        let error = world.forge().draft(&DRAFT).await.unwrap_err();
        assert!(matches!(error, ForgeError::AgainstRules { .. }), "{error}");
        assert!(
            error
                .to_string()
                .contains("tag_name was used by an immutable release"),
            "{error}"
        );
    });
}

#[test]
fn the_token_goes_to_github_alone() {
    with_world(async |world| {
        let mut release = world.forge().draft(&DRAFT).await.unwrap();
        release.upload_url = "http://uploads.example.com/releases/1/assets".to_owned();
        let error = world.forge().upload(&release, &asset()).await.unwrap_err();
        assert!(
            error.to_string().contains("it names another host for uploads"),
            "{error}"
        );
    });
}
