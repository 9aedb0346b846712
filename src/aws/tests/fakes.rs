//! GitHub's token endpoint, STS and ECR's API on one local server, with the rules of the real ones, and a clock
//! whose time passes only in waits.

mod aws_apis;
mod sts;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};
use wiremock::matchers::any;
use wiremock::{Mock, MockServer};

use crate::aws::{Ecr, IdentityError};
use crate::clock::SystemClock;
use crate::ports::{Clock, Reporter, RunEvent};
use crate::settings::{IdentitySettings, OidcRequest, OidcToken};
use tagship_domain::reference::{AccountId, Region, RegistryHost};

pub(in crate::aws) use aws_apis::FakeApis;

pub(in crate::aws) const ACCOUNT: &str = "123456789012";
pub(in crate::aws) const HOST: &str = "123456789012.dkr.ecr.eu-central-1.amazonaws.com";
pub(in crate::aws) const ROLE: &str = "arn:aws:iam::123456789012:role/publish";
pub(in crate::aws) const SUBJECT: &str = "repo:octo/app:ref:refs/heads/main";
pub(in crate::aws) const REQUEST_TOKEN: &str = "request-token-secret";
pub(in crate::aws) const ECR_PASSWORD: &str = "ecr-password-secret";

/// Time stands still but for waits, which take no time.
pub(in crate::aws) struct FakeClock {
    now: Mutex<Timestamp>,
    waits: Mutex<Vec<Duration>>,
}

impl FakeClock {
    pub(in crate::aws) fn pass(&self, duration: Duration) {
        let mut now = self.now.lock().unwrap();
        *now += SignedDuration::try_from(duration).unwrap();
    }

    pub(in crate::aws) fn waits(&self) -> Vec<Duration> {
        self.waits.lock().unwrap().clone()
    }
}

#[async_trait]
impl Clock for FakeClock {
    fn now(&self) -> Timestamp {
        *self.now.lock().unwrap()
    }

    async fn sleep(&self, duration: Duration) {
        self.waits.lock().unwrap().push(duration);
        self.pass(duration);
    }
}

/// Keeps what it hears.
#[derive(Default)]
pub(in crate::aws) struct FakeReporter {
    masks: Mutex<Vec<String>>,
    warnings: Mutex<Vec<String>>,
    retries: Mutex<usize>,
}

impl FakeReporter {
    pub(in crate::aws) fn masks(&self) -> Vec<String> {
        self.masks.lock().unwrap().clone()
    }

    pub(in crate::aws) fn warnings(&self) -> Vec<String> {
        self.warnings.lock().unwrap().clone()
    }

    pub(in crate::aws) fn retries(&self) -> usize {
        *self.retries.lock().unwrap()
    }
}

impl Reporter for FakeReporter {
    fn mask(&self, secret: &SecretString) {
        self.masks.lock().unwrap().push(secret.expose_secret().to_owned());
    }

    fn event(&self, event: RunEvent<'_>) {
        match event {
            RunEvent::Warning(warning) => self.warnings.lock().unwrap().push(warning.message.clone()),
            RunEvent::Retry { .. } => *self.retries.lock().unwrap() += 1,
            other => panic!("not expected: {other:?}"),
        }
    }
}

/// Everything outside of the code under test.
pub(in crate::aws) struct World {
    pub(in crate::aws) apis: Arc<FakeApis>,
    pub(in crate::aws) clock: Arc<FakeClock>,
    pub(in crate::aws) reporter: Arc<FakeReporter>,
    pub(in crate::aws) server: MockServer,
}

impl World {
    pub(in crate::aws) async fn new() -> Self {
        // Another test may have been first.
        rustls::crypto::aws_lc_rs::default_provider()
            .install_default()
            .ok();
        let reporter = Arc::new(FakeReporter::default());
        let apis = Arc::new(FakeApis::new(Arc::clone(&reporter)));
        let server = MockServer::start().await;
        Mock::given(any())
            .respond_with({
                let apis = Arc::clone(&apis);
                move |request: &wiremock::Request| apis.answer(request)
            })
            .mount(&server)
            .await;
        let clock = Arc::new(FakeClock {
            now: Mutex::new(SystemClock.now()),
            waits: Mutex::default(),
        });
        Self {
            apis,
            clock,
            reporter,
            server,
        }
    }

    /// A job in GitHub Actions with `id-token: write`.
    pub(in crate::aws) fn job(&self) -> IdentitySettings {
        let url = format!("{}/_gha/token?api-version=2.0", self.server.uri());
        IdentitySettings {
            role: Some(ROLE.to_owned()),
            session_name: "tagship".to_owned(),
            audience: "sts.amazonaws.com".to_owned(),
            duration_seconds: 3600,
            allowed_accounts: vec![AccountId::parse(ACCOUNT).unwrap()],
            region: Some(Region::parse("eu-central-1").unwrap()),
            endpoint_url: Some(self.server.uri().parse().unwrap()),
            oidc: Some(OidcToken::Request(OidcRequest {
                url: url.parse().unwrap(),
                token: REQUEST_TOKEN.into(),
            })),
            in_actions: true,
            ..IdentitySettings::default()
        }
    }

    pub(in crate::aws) async fn connect(&self, identity: &IdentitySettings) -> Result<Ecr, IdentityError> {
        let (clock, reporter) = (Arc::clone(&self.clock), Arc::clone(&self.reporter));
        Ecr::connect(identity, &host(), clock, reporter).await
    }

    pub(in crate::aws) async fn ecr(&self) -> Ecr {
        self.connect(&self.job()).await.unwrap()
    }
}

pub(in crate::aws) fn host() -> RegistryHost {
    RegistryHost::parse(HOST).unwrap()
}

/// A token as GitHub makes it; the signature is of no interest here.
pub(in crate::aws) fn jwt(subject: &str, audience: &str, number: usize) -> String {
    let claims = json!({
        "iss": "https://token.actions.githubusercontent.com",
        "sub": subject,
        "aud": audience,
        "jti": number.to_string(),
        "repository": "octo/app",
        "repository_id": "2002",
        "repository_owner_id": "1001",
    });
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!(
        "{}.{}.signature-secret",
        part(&json!({"alg": "RS256"})),
        part(&claims)
    )
}

pub(in crate::aws) fn claims_of(token: &str) -> Value {
    let payload = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap()
}
