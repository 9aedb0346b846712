//! The embedded ECR, served by the test's own process.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;

use aws_sdk_ecr::config::{BehaviorVersion, Credentials};
use aws_sdk_ecr::types::{
    RegistryScanningRule, ReplicationConfiguration, ReplicationDestination, ReplicationRule,
    RepositoryFilter, RepositoryFilterType, ScanningRepositoryFilter, ScanningRepositoryFilterType,
    SigningConfiguration, SigningRepositoryFilter, SigningRepositoryFilterType, SigningRule,
};
use ecr_local::{
    Fault, FaultAction, GithubClaims, ImmutableWording, JournalEntry, LocalEcr, Options, Quirks, ScanOrder,
};
use secrecy::ExposeSecret as _;
use serde_json::Value;
use tagship_domain::immutability::Mutability;
use tagship_domain::reference::{AccountId, Region, RepositoryName};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tokio::time::timeout;

use super::clients::{Registry, crane};
use super::process::PATIENCE;

/// The account of the embedded ECR.
pub const ACCOUNT: &str = "123456789012";

/// Its region.
pub const REGION: &str = "eu-central-1";

/// A role that the jobs of every repository may assume.
pub const ROLE_ARN: &str = "arn:aws:iam::123456789012:role/tagship-example";

/// What the registry reads and what it grants; whatever else a request does is a write.
const READS: [&str; 16] = [
    "BatchCheckLayerAvailability",
    "DescribeImageReplicationStatus",
    "DescribeRegistry",
    "Ping",
    "HeadManifest",
    "GetManifest",
    "HeadBlob",
    "GetBlob",
    "ListTags",
    "ListReferrers",
    "BatchGetImage",
    "DescribeImages",
    "DescribeRepositories",
    "DescribeImageScanFindings",
    "GetRegistryScanningConfiguration",
    "BatchGetRepositoryScanningConfiguration",
];
const LOGIN: [&str; 4] = [
    "GetIdToken",
    "AssumeRoleWithWebIdentity",
    "GetCallerIdentity",
    "GetAuthorizationToken",
];

/// A running embedded ECR with its state in a temporary folder.
#[derive(Debug)]
pub struct Ecr {
    server: LocalEcr,
    runtime: Runtime,
    data: TempDir,
}

impl Ecr {
    /// One that this machine alone reaches.
    pub fn start() -> Self {
        Self::start_at([127, 0, 0, 1], Quirks::default())
    }

    /// One that containers reach too.
    pub fn start_for_containers() -> Self {
        Self::start_at([0, 0, 0, 0], Quirks::default())
    }

    /// One that says in these words that a tag must not move, and says so of the same image too.
    pub fn start_strict(immutable_wording: ImmutableWording) -> Self {
        let quirks = Quirks {
            immutable_wording,
            accept_same_digest: false,
            ..Quirks::default()
        };
        Self::start_at([127, 0, 0, 1], quirks)
    }

    /// One with these roles.
    pub fn start_with_roles(roles: &str) -> Self {
        Self::start_with([127, 0, 0, 1], |options| {
            std::fs::write(options.data.join("roles.yaml"), roles).expect("the roles can be written");
        })
    }

    /// One with these roles, whose state and clock other programs may change.
    pub fn start_for_judges(roles: &str) -> Self {
        Self::start_with([127, 0, 0, 1], |options| {
            std::fs::write(options.data.join("roles.yaml"), roles).expect("the roles can be written");
            options.admin = true;
            // So that a backfill can be stopped on its way.
            options.quirks.replication_seconds = 60;
        })
    }

    /// One that has the public registries too.
    pub fn start_with_public_registries() -> Self {
        Self::start_with([127, 0, 0, 1], |options| options.public_port = Some(0))
    }

    fn start_at(address: [u8; 4], quirks: Quirks) -> Self {
        let ecr = Self::start_with(address, |options| options.quirks = quirks);
        assert_eq!(ecr.server.role_arn(), ROLE_ARN);
        ecr
    }

    /// One that serves ECR's own names with TLS at any port of this machine, with these roles or its own.
    pub fn start_with_tls(roles: Option<&str>) -> Self {
        Self::start_with([127, 0, 0, 1], |options| {
            if let Some(roles) = roles {
                std::fs::write(options.data.join("roles.yaml"), roles).expect("the roles can be written");
            }
            options.tls = Some(0);
        })
    }

    /// Where it serves TLS.
    pub fn tls_address(&self) -> SocketAddr {
        let tls = self.server.access().tls.as_ref();
        tls.expect("it serves TLS").address
    }

    /// One that containers reach too, which serves ECR's own names at port 443.
    pub fn start_under_own_names() -> Self {
        Self::start_with([0, 0, 0, 0], |options| options.tls = Some(443))
    }

    /// Ends it and starts it again, on the same state and under its own names, with these roles.
    pub fn again_with_roles(self, roles: &str) -> Self {
        let Self {
            server,
            runtime,
            data,
        } = self;
        runtime.block_on(server.stop());
        Self::start_on(data, [0, 0, 0, 0], |options| {
            std::fs::write(options.data.join("roles.yaml"), roles).expect("the roles can be written");
            options.tls = Some(443);
        })
    }

    /// The names that it serves with TLS, and the file with the authority that vouches for them.
    pub fn own_names(&self) -> (Vec<String>, std::path::PathBuf) {
        let access = self.server.access();
        let tls = access.tls.as_ref().expect("it serves TLS");
        let line = tls.hosts_line(&access.account, &access.region);
        let names = line.split(' ').skip(1).map(str::to_owned).collect();
        (names, tls.authority.clone())
    }

    fn start_with(address: [u8; 4], change: impl FnOnce(&mut Options)) -> Self {
        let data = tempfile::tempdir().expect("a temporary folder can be made");
        Self::start_on(data, address, change)
    }

    fn start_on(data: TempDir, address: [u8; 4], change: impl FnOnce(&mut Options)) -> Self {
        let runtime = Runtime::new().expect("a runtime can be made");
        let account = AccountId::parse(ACCOUNT).expect("it is legal");
        let region = Region::parse(REGION).expect("it is legal");
        let mut options = Options::new(data.path(), account, region);
        options.listen = SocketAddr::from((address, 0));
        change(&mut options);
        let server = runtime
            .block_on(LocalEcr::start(options))
            .expect("the embedded ECR starts");
        Self {
            server,
            runtime,
            data,
        }
    }

    pub(super) fn runtime(&self) -> &Runtime {
        &self.runtime
    }

    /// Makes a repository, which must not be there yet.
    pub fn create_repository(&self, name: &str, mutability: &Mutability) {
        let name = RepositoryName::parse(name).expect("it is legal");
        let made = self
            .runtime
            .block_on(self.server.ensure_repository(&name, mutability));
        assert!(
            made.expect("a repository can be made"),
            "`{name}` is there already"
        );
    }

    /// The folder of its state.
    pub fn data(&self) -> &Path {
        self.data.path()
    }

    /// The registry's host, as processes of this machine reach it.
    pub fn host(&self) -> String {
        self.host_from("127.0.0.1")
    }

    /// The registry's host, as who reaches this machine by this address does.
    pub fn host_from(&self, address: &str) -> String {
        format!("{address}:{}", self.server.address().port())
    }

    /// The host of the public registries.
    pub fn public_host(&self) -> String {
        let registry = self.server.public_registry().expect("it has public registries");
        registry.split('/').next().unwrap_or_default().to_owned()
    }

    /// The base of AWS's APIs, as processes of this machine reach it.
    pub fn url(&self) -> String {
        format!("http://{}", self.host())
    }

    /// `ACTIONS_ID_TOKEN_REQUEST_URL` and `ACTIONS_ID_TOKEN_REQUEST_TOKEN` of a job on this machine.
    pub fn oidc_request(&self) -> (String, String) {
        self.oidc_request_from("127.0.0.1")
    }

    /// The same for a job that reaches this machine by this address.
    pub fn oidc_request_from(&self, address: &str) -> (String, String) {
        let mut url = self.server.oidc_request_url();
        url.set_host(Some(address)).expect("it is an address");
        let token = self.server.oidc_request_token();
        (url.to_string(), token.expose_secret().to_owned())
    }

    /// An OIDC token of a job, as systems give it that ask for none.
    pub fn job_token(&self) -> String {
        let (url, token) = self.oidc_request();
        let path = url.split_once(&self.host()).expect("it is this server's").1;
        let mut stream = TcpStream::connect(self.host()).expect("the server listens");
        write!(
            stream,
            "GET {path}&audience=sts.amazonaws.com HTTP/1.1\r\nHost: {}\r\nAuthorization: bearer {token}\r\nConnection: close\r\n\r\n",
            self.host()
        )
        .expect("the server reads");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("the server answers");
        let (_, body) = answer.split_once("\r\n\r\n").expect("it is HTTP");
        let body: Value = serde_json::from_str(body).unwrap_or_else(|_| panic!("{answer}"));
        body["value"].as_str().expect("it holds a token").to_owned()
    }

    /// Makes the tokens of jobs say `value` in a claim.
    pub fn jobs_say(&self, claim: &str, value: &str) {
        let mut claims = GithubClaims::default();
        claims.overrides.insert(claim.to_owned(), value.into());
        self.server.set_claims(claims);
    }

    /// The administrator's access key: its id and its secret.
    pub fn admin_key(&self) -> (String, String) {
        let key = self.server.admin();
        (key.id.clone(), key.secret.expose_secret().to_owned())
    }

    /// The administrator's client of the API.
    fn api(&self) -> aws_sdk_ecr::Client {
        let (id, secret) = self.admin_key();
        let config = aws_sdk_ecr::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .endpoint_url(self.url())
            .region(aws_sdk_ecr::config::Region::new(REGION))
            .credentials_provider(Credentials::new(id, secret, None, None, "tests"))
            .build();
        aws_sdk_ecr::Client::from_conf(config)
    }

    /// Makes the registry scan the repositories that a filter is for: `BASIC` or `ENHANCED`, `SCAN_ON_PUSH` or
    /// `CONTINUOUS_SCAN`.
    pub fn scan_with(&self, scan_type: &str, frequency: &str, filter: &str) {
        let filter = ScanningRepositoryFilter::builder()
            .filter(filter)
            .filter_type(ScanningRepositoryFilterType::Wildcard)
            .build()
            .expect("it is whole");
        let rule = RegistryScanningRule::builder()
            .scan_frequency(frequency.into())
            .repository_filters(filter)
            .build()
            .expect("it is whole");
        let request = self.api().put_registry_scanning_configuration();
        let request = request.scan_type(scan_type.into()).rules(rule);
        self.runtime
            .block_on(request.send())
            .expect("the setting is taken");
    }

    /// One that reports for so many seconds that replication is under way.
    pub fn start_replicating(seconds: u32) -> Self {
        let quirks = Quirks {
            replication_seconds: seconds,
            ..Quirks::default()
        };
        Self::start_at([127, 0, 0, 1], quirks)
    }

    /// Makes the registry copy the images of repositories whose names begin so to another registry.
    pub fn replicate_to(&self, account: &str, region: &str, prefix: &str) {
        let destination = ReplicationDestination::builder()
            .registry_id(account)
            .region(region)
            .build()
            .expect("it is whole");
        let filter = RepositoryFilter::builder()
            .filter(prefix)
            .filter_type(RepositoryFilterType::PrefixMatch)
            .build()
            .expect("it is whole");
        let rule = ReplicationRule::builder()
            .destinations(destination)
            .repository_filters(filter)
            .build()
            .expect("it is whole");
        let setting = ReplicationConfiguration::builder()
            .rules(rule)
            .build()
            .expect("it is whole");
        let request = self
            .api()
            .put_replication_configuration()
            .replication_configuration(setting);
        self.runtime
            .block_on(request.send())
            .expect("the setting is taken");
    }

    /// Lets the repositories of the registry take blobs from each other.
    pub fn mount_blobs(&self) {
        let request = self.api().put_account_setting();
        let request = request.name("BLOB_MOUNTING").value("ENABLED");
        self.runtime
            .block_on(request.send())
            .expect("the setting is taken");
    }

    /// Makes the registry cache an upstream registry under the beginning of a name.
    pub fn cache(&self, prefix: &str, upstream: &str) {
        let request = self.api().create_pull_through_cache_rule();
        let request = request
            .ecr_repository_prefix(prefix)
            .upstream_registry_url(upstream);
        self.runtime.block_on(request.send()).expect("the rule is taken");
    }

    /// Removes a repository with its images, if it is there.
    pub fn forget_cached(&self, name: &str) {
        if self.has_repository(name) {
            let request = self.api().delete_repository().repository_name(name).force(true);
            self.runtime.block_on(request.send()).expect("it can be removed");
        }
    }

    /// Whether the registry has a repository.
    pub fn has_repository(&self, name: &str) -> bool {
        let request = self.api().describe_repositories().repository_names(name);
        self.runtime.block_on(request.send()).is_ok()
    }

    /// Makes the registry sign the images that are pushed to the repositories of a filter.
    pub fn sign_with(&self, profile: &str, filter: &str) {
        let filter = SigningRepositoryFilter::builder()
            .filter(filter)
            .filter_type(SigningRepositoryFilterType::WildcardMatch)
            .build()
            .expect("it is whole");
        let rule = SigningRule::builder()
            .signing_profile_arn(profile)
            .repository_filters(filter)
            .build()
            .expect("it is whole");
        let setting = SigningConfiguration::builder()
            .rules(rule)
            .build()
            .expect("it is whole");
        let request = self
            .api()
            .put_signing_configuration()
            .signing_configuration(setting);
        self.runtime
            .block_on(request.send())
            .expect("the setting is taken");
    }

    /// Orders what scans come to; as `PUT /_local/findings` takes it.
    pub fn order_scans(&self, order: serde_json::Value) {
        let order: ScanOrder = serde_json::from_value(order).expect("it is an order");
        self.server.order_scans(order);
    }

    /// Sets the registry's clock so many seconds before or after the real one.
    pub fn set_clock_offset(&self, seconds: i64) {
        self.server.set_clock_offset(seconds);
    }

    /// A password of the administrator, for other clients.
    pub fn login(&self) -> Registry {
        let request = self.api().get_authorization_token();
        let answer = self.runtime.block_on(request.send()).expect("a token is granted");
        let token = answer.authorization_data()[0]
            .authorization_token()
            .expect("the answer has a token")
            .to_owned();
        Registry {
            host: self.host(),
            token,
        }
    }

    /// The tags of a repository with their digests, as another client reads them.
    pub fn tags(&self, repository: &str) -> BTreeMap<String, String> {
        let registry = self.login();
        let image = format!("{}/{repository}", registry.host);
        let names = crane(&registry, &["ls", &image]);
        names
            .lines()
            .map(|tag| {
                (
                    tag.to_owned(),
                    crane(&registry, &["digest", &format!("{image}:{tag}")]),
                )
            })
            .collect()
    }

    /// Everything that was asked, in its order.
    pub fn journal(&self) -> Vec<JournalEntry> {
        self.server.journal()
    }

    /// Forgets what was asked.
    pub fn forget_journal(&self) {
        self.server.reset_journal();
    }

    /// What was asked, without what getting credentials takes.
    pub fn journal_after_login(&self) -> Vec<JournalEntry> {
        let mut journal = self.journal();
        journal.retain(|entry| !LOGIN.contains(&entry.operation.as_str()));
        journal
    }

    /// What was asked that changes anything.
    pub fn writes(&self) -> Vec<JournalEntry> {
        let mut journal = self.journal_after_login();
        journal.retain(|entry| !READS.contains(&entry.operation.as_str()));
        journal
    }

    /// Orders that after `skip` requests of an operation the next `times` fail.
    pub fn fail(&self, operation: &str, skip: u32, times: u32, action: FaultAction) {
        self.server.add_fault(Fault {
            operation: operation.to_owned(),
            repository: None,
            skip,
            times,
            action,
        });
    }

    /// Takes back all orders to fail.
    pub fn forgive(&self) {
        self.server.clear_faults();
    }

    /// Waits until an entry of the journal is as wanted.
    pub fn wait_for(&self, wanted: impl Fn(&JournalEntry) -> bool) {
        let journal = self.server.journal_until(|entries| entries.iter().any(&wanted));
        let found = self.runtime.block_on(async { timeout(PATIENCE, journal).await });
        assert!(
            found.is_ok(),
            "the awaited request did not come; these did:\n{}",
            shown(&self.journal())
        );
    }
}

/// Whether a request puts a tag.
pub fn is_tag_put(entry: &JournalEntry) -> bool {
    entry.operation == "PutManifest" && !is_of_digest(entry)
}

/// Whether a request is about a digest.
pub fn is_of_digest(entry: &JournalEntry) -> bool {
    let reference = entry.reference.as_deref();
    reference.is_some_and(|reference| reference.starts_with("sha256:"))
}

/// For each request of a run: its operation, and how many of the same came before it.
pub fn positions(requests: &[JournalEntry]) -> Vec<(String, u32)> {
    let count_before = |index: usize| {
        let same = |request: &&JournalEntry| request.operation == requests[index].operation;
        u32::try_from(requests[..index].iter().filter(same).count()).expect("a run is short")
    };
    let positions = requests.iter().enumerate();
    positions
        .map(|(index, request)| (request.operation.clone(), count_before(index)))
        .collect()
}

/// A journal as a person reads it.
pub fn shown(journal: &[JournalEntry]) -> String {
    journal.iter().fold(String::new(), |mut text, entry| {
        let reference = entry.reference.as_deref().unwrap_or_default();
        let status = entry
            .status
            .map_or_else(|| "-".to_owned(), |status| status.to_string());
        writeln!(text, "{status} {} {reference}", entry.operation).expect("a string can be written to");
        text
    })
}
