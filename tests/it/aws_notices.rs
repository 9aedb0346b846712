//! Notices to SNS and EventBridge: one signed request each, against a fake that recomputes the signature with AWS's own
//! library and keeps the documented bounds of both APIs.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use aws_sigv4::sign::v4::{calculate_signature, generate_signing_key};
use serde_json::{Value, json};
use tagship_domain::immutability::Mutability;
use test_support::checkout::Checkout;
use test_support::images::Pusher;
use test_support::local::{Ecr, REGION};
use test_support::process::{Finished, finish};
use test_support::unique::sha256_hex;
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

const TOPIC: &str = "arn:aws:sns:eu-west-1:123456789012:releases";

/// What AWS's two services answer, and what they took.
#[derive(Default)]
struct State {
    secret: String,
    /// The answers to come before a right one.
    troubles: Vec<(u16, String)>,
    /// The fields of messages, and the entries of events, with the region that each was signed for.
    taken: Vec<(String, BTreeMap<String, String>)>,
    tries: usize,
}

struct Aws(Arc<Mutex<State>>);

impl Respond for Aws {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let mut state = self.0.lock().unwrap();
        state.tries += 1;
        let signed = match signed_for(request, &state.secret) {
            Ok(signed) => signed,
            Err(problem) => return ResponseTemplate::new(403).set_body_string(problem),
        };
        if let Some((status, body)) = state.troubles.pop() {
            return ResponseTemplate::new(status).set_body_string(body);
        }
        let (region, service) = signed;
        let fields = match service.as_str() {
            "sns" => message(request),
            "events" => event(request),
            other => panic!("{other}"),
        };
        state.taken.push((region, fields));
        let body = match service.as_str() {
            "sns" => {
                "<PublishResponse><PublishResult><MessageId>1</MessageId></PublishResult></PublishResponse>"
            }
            _ => r#"{"FailedEntryCount":0,"Entries":[{"EventId":"1"}]}"#,
        };
        ResponseTemplate::new(200).set_body_string(body)
    }
}

/// Region and service that a request is signed for, with this secret.
///
/// Source: IAM user guide, "Create a signed AWS API request".
fn signed_for(request: &Request, secret: &str) -> Result<(String, String), String> {
    let header = |name: &str| request.headers.get(name).and_then(|value| value.to_str().ok());
    let given = header("authorization").ok_or("MissingAuthenticationToken")?;
    let field = |name: &str| {
        let (_, rest) = given.split_once(&format!("{name}="))?;
        rest.split([',', ' ']).next()
    };
    let scope = field("Credential").ok_or("IncompleteSignature")?;
    let parts: Vec<&str> = scope.split('/').collect();
    let [_, date, region, service, "aws4_request"] = parts[..] else {
        return Err("IncompleteSignature".to_owned());
    };
    let names = field("SignedHeaders").ok_or("IncompleteSignature")?;
    for needed in ["host", "x-amz-date"] {
        assert!(
            names.split(';').any(|name| name == needed),
            "`{needed}` is signed: {names}"
        );
    }
    let mut headers = String::new();
    for name in names.split(';') {
        headers += &format!("{name}:{}\n", header(name).unwrap_or_default().trim());
    }
    let (path, body) = (request.url.path(), sha256_hex(&request.body));
    let canonical = format!("{}\n{path}\n\n{headers}\n{names}\n{body}", request.method);
    let time = header("x-amz-date").ok_or("IncompleteSignature")?;
    assert!(time.starts_with(date));
    let to_sign = format!(
        "AWS4-HMAC-SHA256\n{time}\n{date}/{region}/{service}/aws4_request\n{}",
        sha256_hex(canonical.as_bytes())
    );
    let moment = jiff::fmt::strtime::parse("%Y%m%dT%H%M%SZ", time).unwrap();
    let moment = moment
        .to_datetime()
        .unwrap()
        .to_zoned(jiff::tz::TimeZone::UTC)
        .unwrap();
    let key = generate_signing_key(secret, moment.timestamp().into(), region, service);
    let expected = calculate_signature(key, to_sign.as_bytes());
    if field("Signature") != Some(expected.as_str()) {
        return Err("SignatureDoesNotMatch".to_owned());
    }
    Ok((region.to_owned(), service.to_owned()))
}

/// The fields of a message. Source: SNS API reference, `Publish`.
fn message(request: &Request) -> BTreeMap<String, String> {
    let fields: BTreeMap<String, String> = url::form_urlencoded::parse(&request.body).into_owned().collect();
    assert_eq!(
        (fields["Action"].as_str(), fields["Version"].as_str()),
        ("Publish", "2010-03-31")
    );
    assert!((1..=262_144).contains(&fields["Message"].len()));
    let subject = &fields["Subject"];
    assert!(
        (1..=100).contains(&subject.len()) && subject.is_ascii(),
        "{subject}"
    );
    let is_fifo = fields["TopicArn"].strip_suffix(".fifo").is_some();
    for name in ["MessageGroupId", "MessageDeduplicationId"] {
        assert_eq!(fields.contains_key(name), is_fifo, "{name}");
    }
    fields
}

/// The fields of the one event. Source: EventBridge API reference, `PutEvents`.
fn event(request: &Request) -> BTreeMap<String, String> {
    assert_eq!(request.headers["x-amz-target"], "AWSEvents.PutEvents");
    assert_eq!(request.headers["content-type"], "application/x-amz-json-1.1");
    let body: Value = serde_json::from_slice(&request.body).unwrap();
    let [entry] = body["Entries"].as_array().unwrap().as_slice() else {
        panic!("{body}")
    };
    assert!(entry.to_string().len() <= 262_144);
    assert!(!entry["Source"].as_str().unwrap().starts_with("aws."));
    let detail: Value = serde_json::from_str(entry["Detail"].as_str().unwrap()).unwrap();
    assert!(detail.is_object(), "{detail}");
    let fields = entry.as_object().unwrap().iter();
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    fields.map(|(name, value)| (name.clone(), text(value))).collect()
}

/// A commit whose image has its commit tag, and AWS.
struct World {
    ecr: Ecr,
    checkout: Checkout,
    home: tempfile::TempDir,
    aws: MockServer,
    state: Arc<Mutex<State>>,
    digest: String,
    _runtime: tokio::runtime::Runtime,
}

impl World {
    fn new() -> Self {
        let ecr = Ecr::start();
        ecr.create_repository("team/app", &Mutability::Immutable);
        let checkout = Checkout::with(&[
            ("Dockerfile", "FROM scratch\nCOPY Dockerfile /\n"),
            ("tagship.yaml", "repository: team/app\n"),
        ]);
        checkout.tag("v1.4.0");
        let pusher = Pusher::new(&ecr, "team/app");
        let labels = json!({"org.opencontainers.image.revision": checkout.head()});
        let digest = pusher.image("amd64", "content", &labels).digest;
        pusher.tag(&format!("sha-{}", &checkout.head()[..12]), &digest);
        let state = Arc::new(Mutex::new(State {
            secret: ecr.admin_key().1,
            ..State::default()
        }));
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let respond = Aws(Arc::clone(&state));
        let aws = runtime.block_on(async {
            let server = MockServer::start().await;
            Mock::given(any()).respond_with(respond).mount(&server).await;
            server
        });
        Self {
            digest: digest.to_string(),
            home: tempfile::tempdir().unwrap(),
            ecr,
            checkout,
            aws,
            state,
            _runtime: runtime,
        }
    }

    fn ship(&self, receivers: &str) -> Finished {
        let mut command = self.ecr.command(self.home.path(), &["ship"]);
        command
            .current_dir(self.checkout.path())
            .env("AWS_ENDPOINT_URL_SNS", self.aws.uri())
            .env("AWS_ENDPOINT_URL_EVENTBRIDGE", self.aws.uri())
            .env("TAGSHIP_NOTIFY", receivers);
        finish(&mut command)
    }

    fn with<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        act(&mut self.state.lock().unwrap())
    }

    fn taken(&self) -> Vec<(String, BTreeMap<String, String>)> {
        self.with(|state| std::mem::take(&mut state.taken))
    }
}

#[test]
fn a_topic_and_a_bus_hear_of_a_published_image_once() {
    let world = World::new();
    world
        .ship(&format!("sns={TOPIC}\neventbridge=default"))
        .expect_code(0);
    let mut taken = world.taken();
    taken.sort_by_key(|(_, fields)| fields.contains_key("Source"));
    let [(topics_region, message), (buss_region, event)] = &taken[..] else {
        panic!("{taken:?}")
    };
    assert_eq!(topics_region, "eu-west-1", "the topic's own");
    assert_eq!(buss_region, REGION, "that of the run");
    assert_eq!(message["TopicArn"], TOPIC);
    assert_eq!(message["Subject"], "Published: team/app:1.4.0");
    assert_eq!(
        message["MessageAttributes.entry.1.Value.StringValue"],
        "run.success"
    );
    assert_eq!(event["DetailType"], "run.success");
    assert_eq!(
        (event["Source"].as_str(), event["EventBusName"].as_str()),
        ("tagship", "default")
    );
    for body in [&message["Message"], &event["Detail"]] {
        let body: Value = serde_json::from_str(body).unwrap();
        assert_eq!(body["type"], "run.success");
        assert_eq!(body["data"]["digest"], world.digest.as_str());
    }
    world.ship(&format!("sns={TOPIC}")).expect_code(0);
    assert_eq!(world.taken(), [], "what is published already is no news");
}

#[test]
fn a_topic_that_keeps_the_order_gets_group_and_id() {
    let world = World::new();
    world.ship(&format!("sns={TOPIC}.fifo")).expect_code(0);
    let taken = world.taken();
    assert_eq!(taken[0].1["MessageGroupId"], "team/app");
    assert_eq!(taken[0].1["MessageDeduplicationId"].len(), 32);
}

#[test]
fn what_passes_is_tried_three_times_and_what_is_refused_once() {
    let denied = "<ErrorResponse><Error><Code>AuthorizationError</Code><Message>no &amp; never</Message></Error></ErrorResponse>";
    let throttled = r#"{"__type":"com.amazon#ThrottlingException","message":"Rate exceeded"}"#;
    let failed =
        r#"{"FailedEntryCount":1,"Entries":[{"ErrorCode":"InternalFailure","ErrorMessage":"try again"}]}"#;
    for (receiver, troubles, tries, said) in [
        (TOPIC, vec![(503, "")], 2, None),
        (TOPIC, vec![(503, ""); 3], 3, Some("AWS answers 503, `no reason`")),
        (
            TOPIC,
            vec![(403, denied)],
            1,
            Some("AWS answers 403, `AuthorizationError`: no &amp; never; the role needs `sns:Publish` there"),
        ),
        ("ci", vec![(400, throttled)], 2, None),
        ("ci", vec![(200, failed)], 2, None),
        (
            "ci",
            vec![(200, failed); 3],
            3,
            Some("`InternalFailure`: try again"),
        ),
        (
            "ci",
            vec![(
                400,
                r#"{"__type":"ResourceNotFoundException","message":"no bus"}"#,
            )],
            1,
            Some("`ResourceNotFoundException`: no bus; the role needs `events:PutEvents` there"),
        ),
    ] {
        let world = World::new();
        world.with(|state| {
            let troubles = troubles
                .iter()
                .map(|(status, body)| (*status, (*body).to_owned()));
            state.troubles = troubles.collect();
        });
        let kind = if receiver == TOPIC { "sns" } else { "eventbridge" };
        let run = world.ship(&format!("{kind}={receiver}"));
        run.expect_code(0);
        assert_eq!(world.with(|state| state.tries), tries, "{said:?}: {}", run.stderr);
        assert_eq!(world.taken().len(), usize::from(said.is_none()), "{said:?}");
        if let Some(said) = said {
            let warning = format!("`notify`: `{kind}` has no notice of this run: ");
            assert!(run.stderr.contains(&warning), "{}", run.stderr);
            assert!(run.stderr.contains(said), "{said}: {}", run.stderr);
        }
    }
}

#[test]
fn what_is_no_topic_and_no_bus_is_refused_before_anything_is_done() {
    let world = World::new();
    for (line, said) in [
        ("sns=releases", "entry 1 names no topic"),
        ("sns", "entry 1 names no topic"),
        ("eventbridge=a b", "entry 1 names no event bus"),
    ] {
        let run = world.ship(line);
        run.expect_code(2);
        assert!(run.stderr.contains(said), "{}", run.stderr);
    }
    assert_eq!(world.with(|state| state.tries), 0);
}
