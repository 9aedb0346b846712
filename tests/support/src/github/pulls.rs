//! Pull requests of branches of the repository itself.
//!
//! Sources: docs.github.com/en/rest/pulls/pulls, "List pull requests" (`head` is `OWNER:BRANCH`), "Create a pull request" and "Update
//! a pull request"; docs.github.com, "Managing GitHub Actions settings for a repository", "Preventing GitHub Actions from
//! creating or approving pull requests".

use serde_json::{Value, json};

use super::git::Bare;
use super::{Answer, REPOSITORY, refused};

/// The pull requests, in their order.
#[derive(Default)]
pub(super) struct Pulls {
    all: Vec<Pull>,
    pub(super) is_refused: bool,
}

#[derive(Clone)]
struct Pull {
    title: String,
    body: String,
    head: String,
    base: String,
    is_open: bool,
}

impl Pulls {
    /// All, with what their branches hold in a file.
    pub(super) fn all(&self, repository: &Bare, file: &str) -> Vec<(Value, String)> {
        let content = |pull: &Pull| {
            let found = repository.file(&format!("refs/heads/{}", pull.head), file);
            String::from_utf8(found.unwrap_or_default()).expect("it is text")
        };
        let shown = self.all.iter().enumerate();
        shown.map(|(at, pull)| (pull.shown(at), content(pull))).collect()
    }

    pub(super) fn open(&self, head: Option<&str>, base: Option<&str>) -> Answer {
        let owner = REPOSITORY.split('/').next().unwrap_or_default();
        let is_asked = |pull: &Pull| {
            pull.is_open
                && head.is_none_or(|head| head == format!("{owner}:{}", pull.head))
                && base.is_none_or(|base| base == pull.base)
        };
        let found = self.all.iter().enumerate().filter(|(_, pull)| is_asked(pull));
        (200, found.map(|(at, pull)| pull.shown(at)).collect())
    }

    pub(super) fn make(&mut self, body: &Value, repository: &Bare) -> Answer {
        if self.is_refused {
            return refused(
                403,
                "GitHub Actions is not permitted to create or approve pull requests.",
            );
        }
        let text = |key: &str| body[key].as_str().unwrap_or_default().to_owned();
        let pull = Pull {
            title: text("title"),
            body: text("body"),
            head: text("head"),
            base: text("base"),
            is_open: true,
        };
        let invalid = |message: String| {
            let errors = json!([{ "resource": "PullRequest", "code": "custom", "message": message }]);
            (422, json!({ "message": "Validation Failed", "errors": errors }))
        };
        for branch in [&pull.head, &pull.base] {
            if repository.branch(branch).is_none() {
                let errors = json!([{ "resource": "PullRequest", "field": "head", "code": "invalid" }]);
                return (422, json!({ "message": "Validation Failed", "errors": errors }));
            }
        }
        if pull.title.is_empty() {
            return invalid("title is missing".to_owned());
        }
        let same = |other: &&Pull| other.is_open && other.head == pull.head && other.base == pull.base;
        if self.all.iter().any(|other| same(&other)) {
            return invalid(format!("A pull request already exists for {}.", pull.head));
        }
        if !repository.has_more(&pull.head, &pull.base) {
            return invalid(format!("No commits between {} and {}", pull.base, pull.head));
        }
        self.all.push(pull.clone());
        (201, pull.shown(self.all.len() - 1))
    }

    pub(super) fn change(&mut self, number: &str, body: &Value) -> Answer {
        let place = number
            .parse::<usize>()
            .ok()
            .and_then(|number| number.checked_sub(1));
        let Some((at, pull)) = place.and_then(|at| Some((at, self.all.get_mut(at)?))) else {
            return refused(404, "Not Found");
        };
        if let Some(title) = body["title"].as_str() {
            title.clone_into(&mut pull.title);
        }
        if let Some(text) = body["body"].as_str() {
            text.clone_into(&mut pull.body);
        }
        (200, pull.shown(at))
    }

    pub(super) fn merge(&mut self, number: u64, repository: &Bare) -> String {
        let place = usize::try_from(number - 1).expect("it is small");
        let pull = &mut self.all[place];
        assert!(pull.is_open, "pull request {number} is open");
        pull.is_open = false;
        let (head, base) = (
            format!("refs/heads/{}", pull.head),
            format!("refs/heads/{}", pull.base),
        );
        let tree = repository.commit(&head).expect("the branch is there")["tree"]["sha"].clone();
        let parent = repository.at(&base).expect("the branch is there");
        let message = format!("{} (#{number})", pull.title);
        let body = json!({ "tree": tree, "message": message, "parents": [parent] });
        let (_, commit) = repository.make_commit(&body);
        let commit = commit["sha"].as_str().expect("it is text").to_owned();
        repository.put(&base, &commit);
        repository.remove(&head);
        commit
    }
}

impl Pull {
    fn shown(&self, at: usize) -> Value {
        json!({
            "number": at + 1,
            "state": if self.is_open { "open" } else { "closed" },
            "title": self.title,
            "body": self.body,
            "html_url": format!("https://github.example/pull/{}", at + 1),
            "head": { "ref": self.head },
            "base": { "ref": self.base },
        })
    }
}
