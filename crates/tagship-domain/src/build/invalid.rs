//! What can be wrong with the lines of build inputs.

/// Why a line of a build input is not what it should be. Values of lines that may hold secrets are left out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidOption {
    /// No list of pairs.
    #[error("it is not a list of `key=value`, separated by commas")]
    NotAttributes,
    /// Quotes that do not enclose a whole pair.
    #[error("its double quotes do not stand around a whole `key=value`")]
    Quotes,
    /// A key that stands twice.
    #[error("`{key}` stands twice in it")]
    RepeatedKey {
        /// The key.
        key: String,
    },
    /// A question that there is not.
    #[error("`{text}` is not `build`, `check`, `outline` or `targets`, with or without `,format=json`")]
    Call {
        /// What stands there.
        text: String,
    },
    /// A cache without its kind.
    #[error("it does not begin with the kind of cache, such as `type=registry`")]
    CacheWithoutType,
    /// A cache of a kind that there is not.
    #[error(
        "`type={name}` is no kind of cache; there are `registry`, `inline`, `gha`, `local`, `s3` and `azblob`"
    )]
    CacheType {
        /// The kind's name.
        name: String,
    },
    /// A key that a kind of cache does not have.
    #[error("a cache of `type={kind}` has no `{key}`")]
    CacheKey {
        /// The kind.
        kind: &'static str,
        /// The key.
        key: String,
    },
    /// A registry's cache without its name.
    #[error("it does not say where the cache is: `ref=HOST/NAME:TAG`")]
    CacheWithoutReference,
    /// A cache in a folder without the folder.
    #[error("it does not say where the cache is: `src=FOLDER` to read, `dest=FOLDER` to write")]
    CacheWithoutFolder,
    /// Another mode than the two.
    #[error("`mode={mode}` is neither `min` nor `max`")]
    CacheMode {
        /// The mode.
        mode: String,
    },
    /// An inline cache to read.
    #[error("a cache within an image is read with `type=registry` and the image's name")]
    CacheFromInline,
    /// A form of layers that there is not.
    #[error("`{name}` is not `gzip`, `zstd` or `uncompressed`")]
    Compression {
        /// What stands there.
        name: String,
    },
    /// A level that a form does not have.
    #[error("`{level}` is no level of `{name}`, which has {first} to {last}")]
    CompressionLevel {
        /// What stands there.
        level: String,
        /// The form.
        name: &'static str,
        /// The least level.
        first: u8,
        /// The greatest level.
        last: u8,
    },
    /// A level of what is not compressed.
    #[error("`compression: uncompressed` has no level")]
    NoLevels,
    /// No named context.
    #[error("it is not of the form `NAME=FOLDER`, `NAME=docker-image://IMAGE` or `NAME=https://….git`")]
    NamedContext,
    /// An address that is not supported.
    #[error(
        "`{scheme}://` is not supported here; give a folder, `docker-image://` or the address of a git repository"
    )]
    ContextScheme {
        /// The scheme.
        scheme: String,
    },
    /// An address without anything.
    #[error("`{scheme}://` names nothing")]
    EmptyAddress {
        /// The scheme.
        scheme: String,
    },
    /// An output to standard output.
    #[error("standard output is for the result of the run; name a file or a folder")]
    OutputToStdout,
    /// A key that an output does not have.
    #[error("such an output has no `{key}`")]
    OutputKey {
        /// The key.
        key: String,
    },
    /// An output without its place.
    #[error("it does not say where to: `dest=PATH`")]
    OutputWithoutPlace,
    /// An output to a registry.
    #[error("an image goes to a registry by a run that publishes, with `push: true`")]
    OutputToRegistry,
    /// An output of a kind that there is not.
    #[error(
        "`type={name}` is no kind of output; there are `local`, `tar`, `oci`, `docker`, `image` and `cacheonly`"
    )]
    OutputType {
        /// The kind's name.
        name: String,
    },
    /// No login.
    #[error("it is not of the form `host=HOST,username=USER,password-env=VARIABLE`")]
    RegistryLogin,
    /// No host entry.
    #[error("it is not of the form `HOST:ADDRESS`")]
    Host,
    /// The engine's own address.
    #[error("`host-gateway` is not supported; give the address itself")]
    HostGateway,
    /// Another network than the three.
    #[error("`{name}` is no network of a build; there are `default`, `none` and `host`")]
    Network {
        /// The name.
        name: String,
    },
    /// No size.
    #[error("`{text}` is no size, such as `64m`")]
    Size {
        /// The text.
        text: String,
    },
    /// No limit.
    #[error("`{text}` is no limit, such as `nofile=1024:2048`")]
    Ulimit {
        /// The text.
        text: String,
    },
    /// Another entitlement than the two.
    #[error("`{name}` is neither `network.host` nor `security.insecure`")]
    Entitlement {
        /// The name.
        name: String,
    },
    /// No annotation.
    #[error("it is not of the form `NAME=VALUE` or `index:NAME=VALUE`")]
    Annotation,
    /// Another attestation than the two.
    #[error("`type={name}` is no kind of attestation; there are `provenance` and `sbom`")]
    Attestation {
        /// The kind's name.
        name: String,
    },
    /// A key that an attestation does not have.
    #[error("an attestation of `type={attestation}` has no `{key}`")]
    AttestationKey {
        /// The kind's name.
        attestation: &'static str,
        /// The key.
        key: String,
    },
}
