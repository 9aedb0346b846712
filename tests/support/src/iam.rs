//! A fake of IAM, as far as a role for jobs needs it.
//!
//! Its rules are those of the IAM API reference: `CreateOpenIDConnectProvider`, `GetOpenIDConnectProvider`, `CreateRole`, `GetRole`,
//! `UpdateAssumeRolePolicy`, `PutRolePolicy`, and of the AWS query protocol.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Value, json};
use tokio::runtime::Runtime;
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

use super::local::ACCOUNT;

/// A running fake.
#[derive(Debug)]
pub struct Iam {
    server: MockServer,
    state: Arc<Mutex<State>>,
    _runtime: Runtime,
}

#[derive(Debug, Default)]
struct State {
    providers: BTreeSet<String>,
    roles: BTreeMap<String, Role>,
}

#[derive(Debug)]
struct Role {
    trust: Value,
    policies: BTreeMap<String, Value>,
}

/// What the API refuses: status, code, message.
type Refusal = (u16, &'static str, String);

impl Iam {
    /// An account without providers and roles.
    pub fn start() -> Self {
        let runtime = Runtime::new().expect("a runtime can be made");
        let state = Arc::new(Mutex::new(State::default()));
        let api = Api(Arc::clone(&state));
        let server = runtime.block_on(async {
            let server = MockServer::start().await;
            Mock::given(any()).respond_with(api).mount(&server).await;
            server
        });
        Self {
            server,
            state,
            _runtime: runtime,
        }
    }

    /// The API's address.
    pub fn url(&self) -> String {
        self.server.uri()
    }

    /// The roles, as the embedded ECR reads them.
    pub fn roles(&self) -> String {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let roles: Vec<Value> = state
            .roles
            .iter()
            .map(|(name, role)| {
                json!({
                    "RoleName": name,
                    "AssumeRolePolicyDocument": role.trust,
                    "PolicyDocuments": role.policies.values().collect::<Vec<_>>(),
                })
            })
            .collect();
        json!({ "Roles": roles }).to_string()
    }
}

struct Api(Arc<Mutex<State>>);

impl Respond for Api {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let parameters: BTreeMap<String, String> =
            url::form_urlencoded::parse(&request.body).into_owned().collect();
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let action = parameters.get("Action").cloned().unwrap_or_default();
        let (status, body) = match state.answer(&action, &parameters) {
            Ok(result) => (
                200,
                format!("<{action}Response><{action}Result>{result}</{action}Result></{action}Response>"),
            ),
            Err((status, code, message)) => (
                status,
                format!(
                    "<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error></ErrorResponse>"
                ),
            ),
        };
        ResponseTemplate::new(status).set_body_raw(body, "text/xml")
    }
}

impl State {
    fn answer(&mut self, action: &str, parameters: &BTreeMap<String, String>) -> Result<String, Refusal> {
        let parameter = |name: &str| {
            let missing = || (400, "ValidationError", format!("{name} is missing"));
            parameters.get(name).cloned().ok_or_else(missing)
        };
        match action {
            "GetOpenIDConnectProvider" => {
                let arn = parameter("OpenIDConnectProviderArn")?;
                let is_there = self.providers.contains(&arn);
                is_there.then(String::new).ok_or_else(|| absent(&arn))
            }
            "CreateOpenIDConnectProvider" => {
                let url = parameter("Url")?;
                parameter("ClientIDList.member.1")?;
                let host = url.strip_prefix("https://");
                let host = host.ok_or((400, "InvalidInput", format!("{url} is no URL of a provider")))?;
                let arn = format!("arn:aws:iam::{ACCOUNT}:oidc-provider/{host}");
                if !self.providers.insert(arn.clone()) {
                    return Err(exists(&arn));
                }
                Ok(format!(
                    "<OpenIDConnectProviderArn>{arn}</OpenIDConnectProviderArn>"
                ))
            }
            "GetRole" => {
                let name = parameter("RoleName")?;
                let is_there = self.roles.contains_key(&name);
                is_there.then(|| described(&name)).ok_or_else(|| absent(&name))
            }
            "CreateRole" => {
                let name = parameter("RoleName")?;
                let trust = document(&parameter("AssumeRolePolicyDocument")?)?;
                if self.roles.contains_key(&name) {
                    return Err(exists(&name));
                }
                let policies = BTreeMap::new();
                self.roles.insert(name.clone(), Role { trust, policies });
                Ok(described(&name))
            }
            "UpdateAssumeRolePolicy" => {
                let name = parameter("RoleName")?;
                let trust = document(&parameter("PolicyDocument")?)?;
                self.roles.get_mut(&name).ok_or_else(|| absent(&name))?.trust = trust;
                Ok(String::new())
            }
            "PutRolePolicy" => {
                let (name, policy) = (parameter("RoleName")?, parameter("PolicyName")?);
                let document = document(&parameter("PolicyDocument")?)?;
                let role = self.roles.get_mut(&name).ok_or_else(|| absent(&name))?;
                role.policies.insert(policy, document);
                Ok(String::new())
            }
            other => Err((
                400,
                "InvalidAction",
                format!("{other} is not valid for this web service"),
            )),
        }
    }
}

fn described(name: &str) -> String {
    format!(
        "<Role><RoleName>{name}</RoleName><Arn>arn:aws:iam::{ACCOUNT}:role/{name}</Arn><Path>/</Path><RoleId>AROA</RoleId><CreateDate>2026-01-01T00:00:00Z</CreateDate></Role>"
    )
}

fn document(text: &str) -> Result<Value, Refusal> {
    let malformed = |error: serde_json::Error| (400, "MalformedPolicyDocument", error.to_string());
    serde_json::from_str(text).map_err(malformed)
}

fn absent(what: &str) -> Refusal {
    (404, "NoSuchEntity", format!("{what} cannot be found."))
}

fn exists(what: &str) -> Refusal {
    (409, "EntityAlreadyExists", format!("{what} already exists."))
}
