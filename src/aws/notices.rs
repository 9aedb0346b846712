//! Notices of runs to AWS: a message to a topic of SNS, an event to a bus of EventBridge. Each is one signed request.

mod answer;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use aws_config::SdkConfig;
use aws_credential_types::provider::ProvideCredentials as _;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use aws_types::service_config::ServiceConfigKey;
use backon::{BackoffBuilder as _, ExponentialBuilder};
use reqwest::redirect::Policy;
use serde_json::json;
use url::Url;

use self::answer::{bounded, reason, transport, unaccepted};
use crate::aws::connection::Connection;
use crate::aws::failure::identity_cause;
use crate::aws::{IdentityError, endpoint};
use crate::limits;
use crate::network;
use crate::ports::{Clock, NoticeError, Reporter, SendNotice};
use crate::random;
use crate::settings::IdentitySettings;
use tagship_domain::error::{cleaned, innermost, with_causes};
use tagship_domain::notice::{AwsResource, Notice, ReceiverKind};
use tagship_domain::reference::{Region, RegistryHost};

/// The most bytes of a message or an event that are sent. Source: SNS and EventBridge quotas: 256 KiB, with what is around it.
const MAX_BODY: usize = 240 * 1024;
/// Who says so, for rules of EventBridge. What begins with `aws.` is AWS's own.
const SOURCE: &str = "tagship";

/// What sends notices to AWS, with the run's own identity.
pub struct AwsNotices {
    connection: Connection,
    registry: RegistryHost,
    clock: Arc<dyn Clock>,
}

/// One topic or bus.
pub struct AwsReceiver<'a> {
    notices: &'a AwsNotices,
    kind: ReceiverKind,
    resource: &'a AwsResource,
}

/// A request that is to be signed.
struct Call {
    service: Service,
    region: Region,
    content_type: &'static str,
    target: Option<&'static str>,
    body: String,
}

/// One of AWS's services.
#[derive(Debug, Clone, Copy)]
struct Service {
    /// As endpoints and signatures have it.
    name: &'static str,
    /// As variables of endpoints have it.
    id: &'static str,
    /// What the role needs.
    action: &'static str,
}

const SNS: Service = Service {
    name: "sns",
    id: "SNS",
    action: "sns:Publish",
};
const EVENTBRIDGE: Service = Service {
    name: "events",
    id: "EventBridge",
    action: "events:PutEvents",
};

impl AwsNotices {
    /// Decides how to come to credentials; contacts no server.
    pub async fn open(
        identity: &IdentitySettings,
        registry: &RegistryHost,
        clock: Arc<dyn Clock>,
        reporter: Arc<dyn Reporter>,
    ) -> Result<Self, IdentityError> {
        let connection = Connection::open(identity, registry, Arc::clone(&clock), reporter).await?;
        let registry = registry.clone();
        Ok(Self {
            connection,
            registry,
            clock,
        })
    }

    /// A topic or bus that notices go to.
    pub const fn to<'a>(&'a self, kind: ReceiverKind, resource: &'a AwsResource) -> AwsReceiver<'a> {
        AwsReceiver {
            notices: self,
            kind,
            resource,
        }
    }

    /// Where a service is: what the environment or the settings say, else AWS's own address.
    fn address(&self, service: Service, region: &Region) -> Result<Url, NoticeError> {
        let unreachable = |message: String| NoticeError::Unreachable { message };
        let given = endpoint_of(&self.connection.sdk, service);
        let address = match given {
            Some(given) => given,
            None => format!("https://{}.{region}.{}/", service.name, region.dns_suffix()),
        };
        let address = Url::parse(&address).map_err(|error| unreachable(error.to_string()))?;
        endpoint::check(&address, &self.registry).map_err(|error| unreachable(error.to_string()))?;
        Ok(address)
    }

    /// Sends a request until it is taken, at most three times; each try is signed anew.
    async fn send(&self, call: &Call) -> Result<(), NoticeError> {
        let address = self.address(call.service, &call.region)?;
        let client = network::client(|builder| {
            builder
                .connect_timeout(limits::CONNECT.min(limits::NOTICE_TRY))
                .timeout(limits::NOTICE_TRY)
                .redirect(Policy::none())
                .user_agent(concat!("tagship/", env!("CARGO_PKG_VERSION")))
        });
        let client = client.map_err(|error| NoticeError::Unreachable {
            message: error.to_string(),
        })?;
        let mut pauses = ExponentialBuilder::new()
            .with_min_delay(Duration::from_millis(500))
            .with_max_times(limits::NOTICE_REPETITIONS)
            .with_jitter()
            .build();
        loop {
            let error = match self.once(&client, &address, call).await {
                Ok(()) => return Ok(()),
                Err(error) => error,
            };
            match pauses.next().filter(|_| error.is_transient()) {
                Some(pause) => tokio::time::sleep(pause).await,
                None => return Err(error),
            }
        }
    }

    async fn once(&self, client: &reqwest::Client, address: &Url, call: &Call) -> Result<(), NoticeError> {
        let request = self.signed(address, call).await?;
        let answer = client.execute(request).await.map_err(transport)?;
        let status = answer.status();
        let text = bounded(answer).await?;
        let refusal = if status.is_success() {
            unaccepted(&text)
        } else {
            Some(reason(&text))
        };
        match refusal {
            None => Ok(()),
            Some((code, message)) => Err(NoticeError::AwsRefused {
                status: status.as_u16(),
                code,
                message,
                action: call.service.action,
            }),
        }
    }

    async fn signed(&self, address: &Url, call: &Call) -> Result<reqwest::Request, NoticeError> {
        let no_credentials = |message: String| NoticeError::NoCredentials { message };
        let provider = self.connection.sdk.credentials_provider();
        let provider = provider.ok_or_else(|| no_credentials(IdentityError::None.to_string()))?;
        let credentials = provider.provide_credentials().await.map_err(|error| {
            let cause = identity_cause(&error).map(|error| with_causes(&error));
            no_credentials(cause.unwrap_or_else(|| innermost(&error)))
        })?;
        let identity = credentials.into();
        let unsignable = |error: &dyn std::fmt::Display| no_credentials(cleaned(&error.to_string()));
        let parameters = v4::SigningParams::builder()
            .identity(&identity)
            .region(call.region.as_str())
            .name(call.service.name)
            .time(self.clock.now().into())
            .settings(SigningSettings::default())
            .build()
            .map_err(|error| unsignable(&error))?
            .into();
        let mut headers = vec![("content-type", call.content_type)];
        headers.extend(call.target.map(|target| ("x-amz-target", target)));
        let body = SignableBody::Bytes(call.body.as_bytes());
        let signable = SignableRequest::new("POST", address.as_str(), headers.iter().copied(), body);
        let signable = signable.map_err(|error| unsignable(&error))?;
        let (instructions, _) = sign(signable, &parameters)
            .map_err(|error| unsignable(&error))?
            .into_parts();
        let mut request = http::Request::post(address.as_str());
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let mut request = request
            .body(call.body.clone())
            .map_err(|error| unsignable(&error))?;
        instructions.apply_to_request_http1x(&mut request);
        reqwest::Request::try_from(request).map_err(|error| unsignable(&error))
    }
}

#[async_trait]
impl SendNotice for AwsReceiver<'_> {
    async fn send(&self, notice: &Notice) -> Result<(), NoticeError> {
        let call = match self.kind {
            ReceiverKind::EventBridge => self.event(notice),
            _ => self.message(notice)?,
        };
        self.notices.send(&call).await
    }
}

impl AwsReceiver<'_> {
    fn region(&self) -> Region {
        let own = self.resource.region.as_ref();
        own.unwrap_or(&self.notices.connection.region).clone()
    }

    /// Source: SNS API reference, `Publish`; "Publishing messages with Amazon SNS FIFO topics".
    fn message(&self, notice: &Notice) -> Result<Call, NoticeError> {
        let kind = notice.kind();
        let mut fields = vec![
            ("Action", "Publish".to_owned()),
            ("Version", "2010-03-31".to_owned()),
            ("TopicArn", self.resource.name.clone()),
            ("Subject", notice.subject()),
            (
                "Message",
                notice.webhook_within(self.notices.clock.now(), MAX_BODY),
            ),
            // By these subscriptions say what they want to hear.
            ("MessageAttributes.entry.1.Name", "type".to_owned()),
            ("MessageAttributes.entry.1.Value.DataType", "String".to_owned()),
            ("MessageAttributes.entry.1.Value.StringValue", kind),
        ];
        if self.resource.is_fifo() {
            // The same for every try, so that a message that comes twice is taken once.
            let id = random::hex::<16>().map_err(NoticeError::NoRandomness)?;
            fields.push(("MessageGroupId", notice.group()));
            fields.push(("MessageDeduplicationId", id));
        }
        let mut body = url::form_urlencoded::Serializer::new(String::new());
        for (name, value) in fields {
            body.append_pair(name, &value);
        }
        Ok(Call {
            service: SNS,
            region: self.region(),
            content_type: "application/x-www-form-urlencoded; charset=utf-8",
            target: None,
            body: body.finish(),
        })
    }

    /// Source: EventBridge API reference, `PutEvents`.
    fn event(&self, notice: &Notice) -> Call {
        let now = self.notices.clock.now();
        let mut entry = json!({
            "Source": SOURCE,
            "DetailType": notice.kind(),
            "Detail": notice.webhook_within(now, MAX_BODY),
            "EventBusName": self.resource.name,
            "Time": now.as_second(),
        });
        if let Some(repository) = notice.repository_arn() {
            entry["Resources"] = json!([repository]);
        }
        Call {
            service: EVENTBRIDGE,
            region: self.region(),
            content_type: "application/x-amz-json-1.1",
            target: Some("AWSEvents.PutEvents"),
            body: json!({ "Entries": [entry] }).to_string(),
        }
    }
}

/// The address that the environment, a profile or the settings give a service.
///
/// Source: AWS SDKs and tools reference guide, "Service-specific endpoints".
fn endpoint_of(sdk: &SdkConfig, service: Service) -> Option<String> {
    let key = ServiceConfigKey::builder()
        .service_id(service.id)
        .env("AWS_ENDPOINT_URL")
        .profile("endpoint_url")
        .build()
        .ok()?;
    let of_service = sdk.service_config().and_then(|config| config.load_config(key));
    of_service.or_else(|| sdk.endpoint_url().map(str::to_owned))
}

impl std::fmt::Debug for AwsNotices {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AwsNotices").finish_non_exhaustive()
    }
}

impl std::fmt::Debug for AwsReceiver<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AwsReceiver")
            .field("kind", &self.kind)
            .finish_non_exhaustive()
    }
}
