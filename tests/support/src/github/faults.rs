//! What goes wrong with one request, when a test orders it.

use std::collections::BTreeMap;

use serde_json::json;
use wiremock::ResponseTemplate;

/// What goes wrong with one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// It is not carried out, and answered by a proxy with this status.
    Failed(u16),
    /// It is carried out, and its answer is lost.
    Lost,
    /// It is not carried out, because there were too many before; with seconds to wait.
    Limited(u64),
    /// It is refused, because the secondary limit is reached and says no seconds.
    SpentLimit,
}

impl Trouble {
    /// The answer in place of the right one, of what is not carried out.
    pub(super) fn instead(&self) -> Option<ResponseTemplate> {
        let limited = |status, message: &str| {
            ResponseTemplate::new(status).set_body_json(json!({ "message": message }))
        };
        match self {
            Self::Failed(status) => Some(ResponseTemplate::new(*status).set_body_string("<html>no</html>")),
            Self::Lost => None,
            Self::Limited(seconds) => {
                let answer = limited(429, "You have exceeded a secondary rate limit.");
                Some(answer.insert_header("retry-after", seconds.to_string().as_str()))
            }
            Self::SpentLimit => {
                let answer = limited(403, "API rate limit exceeded for installation ID 1.");
                let answer = answer.insert_header("x-ratelimit-remaining", "0");
                let answer = answer.insert_header("date", "Fri, 02 Jan 2026 03:04:05 GMT");
                // An hour after that date.
                Some(answer.insert_header("x-ratelimit-reset", "1767326645"))
            }
        }
    }
}

type Act = Box<dyn FnOnce() + Send>;

/// Everything that was ordered, by the number of the request.
#[derive(Default)]
pub(super) struct Faults {
    troubles: BTreeMap<usize, Trouble>,
    acts: BTreeMap<usize, Act>,
}

impl Faults {
    pub(super) fn order(&mut self, request: usize, trouble: Trouble) {
        self.troubles.insert(request, trouble);
    }

    pub(super) fn call(&mut self, request: usize, act: Act) {
        self.acts.insert(request, act);
    }

    pub(super) fn trouble(&mut self, request: usize) -> Option<Trouble> {
        self.troubles.remove(&request)
    }

    /// Does what is to be done when the request was carried out.
    pub(super) fn reach(&mut self, request: usize) {
        if let Some(act) = self.acts.remove(&request) {
            act();
        }
    }
}
