//! Whether the registry answers, and whether this machine has its time.

use jiff::SignedDuration;
use jiff::fmt::rfc2822;

use super::PATIENCE;
use super::examination::Examination;
use crate::clock::SystemClock;
use crate::ports::Clock as _;
use crate::run::connection::RegistryConnection;
use tagship_domain::doctor::{Check, CheckState, Subject};
use tagship_domain::error::{FailureKind, with_causes};
use tagship_domain::reference::RegistryHost;

/// How far clocks may be apart. Source: AWS signs for five minutes (IAM user guide, "Signing AWS API requests").
const SKEW: SignedDuration = SignedDuration::from_mins(5);

/// Whether the registry answers, and what time it has.
pub(super) async fn examine(connection: &RegistryConnection, host: &RegistryHost, found: &mut Examination) {
    let scheme = if host.is_plain_http() { "http" } else { "https" };
    let request = connection
        .http()
        .get(format!("{scheme}://{host}/v2/"))
        .timeout(PATIENCE);
    let answer = match request.send().await {
        Ok(answer) => answer,
        Err(error) => {
            found.checks.push(Check {
                subject: Subject::Registry,
                state: CheckState::Fail,
                reason: format!("`{host}` does not answer: {}", with_causes(&error)),
                cure: Some(
                    "check the host's name, the network, `HTTPS_PROXY` and `NO_PROXY`, and for an authority of your own `AWS_CA_BUNDLE` or `SSL_CERT_FILE`".to_owned(),
                ),
                kind: Some(FailureKind::Operation),
            });
            return found.skip(&[Subject::Clock], "no server answered with its time");
        }
    };
    found.add(Subject::Registry, CheckState::Ok, format!("`{host}` answers"));
    let date = answer.headers().get("date").and_then(|date| date.to_str().ok());
    let Some(theirs) = date.and_then(|date| rfc2822::parse(date).ok()) else {
        return found.skip(&[Subject::Clock], "the registry does not tell its time");
    };
    let apart = SystemClock.now().duration_since(theirs.timestamp()).abs();
    if apart > SKEW {
        found.checks.push(Check {
            subject: Subject::Clock,
            state: CheckState::Fail,
            reason: format!("this machine's clock and the registry's are {} s apart", apart.as_secs()),
            cure: Some("set the clock, for instance by `timedatectl set-ntp true`: AWS refuses requests that are signed with another time".to_owned()),
            kind: Some(FailureKind::Credentials),
        });
    } else {
        found.add(
            Subject::Clock,
            CheckState::Ok,
            "it is the registry's, within five minutes",
        );
    }
}
