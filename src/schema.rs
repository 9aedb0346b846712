//! The table that flags, action inputs, variables, file keys, `action.yml` and the reference page are made from.

mod rows;

pub use rows::INPUTS;

/// One input.
#[derive(Debug, Clone, Copy)]
pub struct Input {
    /// The name, in kebab-case.
    pub name: &'static str,
    /// The part of the help that it stands in.
    pub section: Section,
    /// What kind of value it takes.
    pub kind: InputKind,
    /// What stands for the value in help texts, such as `HOST`.
    pub placeholder: &'static str,
    /// The value when nothing gives one.
    pub default: Option<&'static str>,
    /// The default as one clause, where it is not a fixed value.
    pub default_note: Option<&'static str>,
    /// The default in `action.yml`, an expression that the runner evaluates.
    pub action_default: Option<&'static str>,
    /// Well-known variables that give the default, the first that is set.
    pub standard_variables: &'static [&'static str],
    /// Where it can be given.
    pub faces: Faces,
    /// Who may set it, of those who can write `tagship.yaml` and those who write the workflow.
    pub may_set: MaySet,
    /// Which values a container action cannot use.
    pub needs_setup: NeedsSetup,
    /// One or more sentences of help, without the last full stop.
    pub help: &'static str,
}

/// A part of the help.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Section {
    /// Where the image goes.
    Destination,
    /// The identity towards AWS.
    Identity,
    /// What to build.
    Build,
    /// What becomes of what was built.
    Result,
    /// What build steps are given.
    Steps,
    /// What is kept of earlier builds.
    Cache,
    /// What to call it.
    Tags,
    /// What an image must pass before it gets a tag.
    Gate,
    /// Who signs an image before it gets a tag.
    Sign,
    /// What becomes of a version on the forge.
    Release,
    /// What deploys the image.
    Deploy,
    /// Who hears of a run.
    Notify,
    /// Which of several images.
    Images,
    /// How to run.
    Run,
}

impl Section {
    /// All, in the order of the help.
    pub const ALL: [Self; 14] = [
        Self::Destination,
        Self::Identity,
        Self::Build,
        Self::Result,
        Self::Steps,
        Self::Cache,
        Self::Tags,
        Self::Gate,
        Self::Sign,
        Self::Release,
        Self::Deploy,
        Self::Notify,
        Self::Images,
        Self::Run,
    ];

    /// The heading.
    pub const fn heading(self) -> &'static str {
        match self {
            Self::Destination => "Destination",
            Self::Identity => "AWS identity",
            Self::Build => "Build",
            Self::Result => "Result",
            Self::Steps => "Build steps",
            Self::Cache => "Cache",
            Self::Tags => "Version and tags",
            Self::Gate => "Scan gate",
            Self::Sign => "Signature",
            Self::Release => "Release",
            Self::Deploy => "Deployment",
            Self::Notify => "Notifications",
            Self::Images => "Several images",
            Self::Run => "Run",
        }
    }
}

/// What kind of value an input takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InputKind {
    /// One line of text.
    Text,
    /// `true` or `false`.
    Flag,
    /// `true`, `false` or this word.
    FlagOr(&'static str),
    /// A whole number within bounds.
    Integer {
        /// The least.
        least: u32,
        /// The greatest.
        greatest: u32,
    },
    /// Several entries: one for each line, item of a list or repetition of the flag.
    Entries,
    /// Several entries of fields, `name=value,name=value`; in the file also mappings.
    Records {
        /// The field that comes last in an entry, and may hold commas.
        last: &'static str,
    },
    /// One line that cannot be printed.
    Secret,
}

/// Who may set an input in `tagship.yaml`, in a job. What the workflow says counts always.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MaySet {
    /// Who writes the file.
    Anyone,
    /// The workflow alone: the input names an address, an account, a credential, a variable, a program or a path
    /// outside of the checkout, or relaxes a check.
    Workflow,
    /// Who writes the file, for the role's own account and those of `allowed-account-ids`.
    OwnAccount,
    /// Who writes the file, for paths in the checkout.
    WithinCheckout,
    /// Who writes the file, for folders in the checkout: of `NAME=FOLDER`.
    FolderWithinCheckout,
    /// Who writes the file, for entries with a value; a name alone takes a variable of the job.
    WithValue,
}

impl MaySet {
    /// What the file may say, for the reference page.
    pub const fn described(self) -> &'static str {
        match self {
            Self::Anyone => "yes",
            Self::Workflow => "no",
            Self::OwnAccount => "yes, for the role's own account and those of `allowed-account-ids`",
            Self::WithinCheckout => "yes, for paths in the checkout",
            Self::FolderWithinCheckout => "yes, for folders in the checkout",
            Self::WithValue => "yes, for `NAME=VALUE`",
        }
    }
}

/// Which values of an input need the runner's host. A container action sees only the folders that the runner mounts
/// and the engine's socket; `setup` puts the command on the host instead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NeedsSetup {
    /// None.
    Never,
    /// Engines behind the `ssh` program, or another socket of the host.
    HostEngine,
    /// Sockets of the host, and certificates that are not among what the runner mounts: of lines about builders.
    HostBuilder,
    /// Files that are not among what the runner mounts.
    HostFile,
    /// The same, in entries of `NAME=PATH`.
    HostFileOfEntry,
    /// Programs of the host.
    HostProgram,
    /// A program of the host, where it is switched on.
    HostProgramIfOn,
}

impl NeedsSetup {
    /// The values, for the reference page and for messages.
    pub const fn described(self) -> Option<&'static str> {
        match self {
            Self::Never => None,
            Self::HostEngine => Some("`ssh://…`, and sockets but `unix:///var/run/docker.sock`"),
            Self::HostProgram => Some("`cosign` and `notation`, which are programs of the host"),
            Self::HostProgramIfOn => Some("`true`, which runs a program of the host"),
            Self::HostBuilder => Some(
                "`unix://…`, and `ca`, `cert`, `key` and `config` outside of the workspace and of `RUNNER_TEMP`",
            ),
            Self::HostFile | Self::HostFileOfEntry => {
                Some("paths outside of the workspace and of `RUNNER_TEMP`")
            }
        }
    }
}

/// Where an input can be given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Faces {
    /// As flag, action input, variable and file key.
    All,
    /// Not in the file: it is about the file, or its key says something else there.
    NotFile,
    /// As flag of `plan` alone, action input and variable.
    Plan,
    /// As flag of `ship` alone, action input and variable.
    Ship,
    /// As flag of both, action input and variable.
    ShipAndPlan,
    /// As action input and variable only: flags are seen by every user of a machine, files are committed.
    Secret,
}

impl Faces {
    /// Whether there is a flag.
    pub const fn has_flag(self) -> bool {
        !matches!(self, Self::Secret)
    }

    /// Whether there is a key in `tagship.yaml`.
    pub const fn has_file_key(self) -> bool {
        matches!(self, Self::All)
    }
}

impl Input {
    const fn new(
        section: Section,
        name: &'static str,
        kind: InputKind,
        placeholder: &'static str,
        help: &'static str,
    ) -> Self {
        Self {
            name,
            section,
            kind,
            placeholder,
            default: None,
            default_note: None,
            action_default: None,
            standard_variables: &[],
            faces: Faces::All,
            may_set: MaySet::Anyone,
            needs_setup: NeedsSetup::Never,
            help,
        }
    }

    const fn text(
        section: Section,
        name: &'static str,
        placeholder: &'static str,
        help: &'static str,
    ) -> Self {
        Self::new(section, name, InputKind::Text, placeholder, help)
    }

    const fn flag(section: Section, name: &'static str, help: &'static str) -> Self {
        Self::new(section, name, InputKind::Flag, "BOOL", help).default("false")
    }

    const fn entries(
        section: Section,
        name: &'static str,
        placeholder: &'static str,
        help: &'static str,
    ) -> Self {
        Self::new(section, name, InputKind::Entries, placeholder, help)
    }

    const fn default(mut self, value: &'static str) -> Self {
        self.default = Some(value);
        self
    }

    const fn default_note(mut self, note: &'static str) -> Self {
        self.default_note = Some(note);
        self
    }

    const fn standard_variables(mut self, names: &'static [&'static str]) -> Self {
        self.standard_variables = names;
        self
    }

    const fn may_set(mut self, may_set: MaySet) -> Self {
        self.may_set = may_set;
        self
    }

    const fn needs_setup(mut self, needs_setup: NeedsSetup) -> Self {
        self.needs_setup = needs_setup;
        self
    }

    const fn faces(mut self, faces: Faces) -> Self {
        self.faces = faces;
        self
    }

    /// The variable that a container action reads the input from.
    ///
    /// Source: actions/runner, `ContainerActionHandler`: upper case, spaces to `_`, dashes kept.
    pub fn action_variable(&self) -> String {
        format!("INPUT_{}", self.name.to_ascii_uppercase().replace(' ', "_"))
    }

    /// The variable that every face reads.
    pub fn variable(&self) -> String {
        format!("TAGSHIP_{}", self.name.to_ascii_uppercase().replace('-', "_"))
    }

    /// Whether the flag may stand without a value.
    pub const fn is_flag(&self) -> bool {
        matches!(self.kind, InputKind::Flag | InputKind::FlagOr(_))
    }

    /// Whether the value is a list of entries.
    pub const fn is_list(&self) -> bool {
        matches!(self.kind, InputKind::Entries | InputKind::Records { .. })
    }
}

/// The input of this name.
pub fn find(name: &str) -> Option<&'static Input> {
    INPUTS.iter().find(|input| input.name == name)
}
