//! What to call the image: version, tags and labels.

use super::environment::ActionVariables;
use super::problem::Problems;
use super::raw::InputText;
use super::{Environment, Origin, RawArguments, RawInputs, SettingsError};
use crate::settings::{BaseChanged, BuildSettings, Publishing, RequestedVersion};
use tagship_domain::paths::PathFilter;
use tagship_domain::tags::{Flavor, LabelRule, Lists, Mode, RESERVED, TagError, TagRule};
use tagship_domain::untrusted::cleaned;
use tagship_domain::version::{self, TagPrefix};

/// What the image is called after.
#[derive(Debug)]
pub(super) struct NamingInputs {
    pub(super) version: Option<RequestedVersion>,
    pub(super) needs_version: bool,
    pub(super) tag_prefix: TagPrefix,
    pub(super) paths: Option<PathFilter>,
    pub(super) lists: Lists,
    pub(super) short_digits: Option<usize>,
}

/// Whether to build although the commit is published. What is compared then has to be reproducible.
pub(super) fn rebuild(
    raw: &RawInputs,
    build: Option<&BuildSettings>,
    push: bool,
    problems: &mut Problems,
) -> bool {
    let Some(value) = raw.text("rebuild", problems) else {
        return false;
    };
    let rebuild = raw.flag("rebuild", problems);
    if rebuild && !push {
        problems.add::<()>(
            &value.origin,
            "compares with what is published, and this run publishes nothing",
            "leave it out, or give it to `tagship ship`, which puts no tag then either".to_owned(),
        );
    }
    if rebuild && build.is_some_and(|build| !build.reproducible) {
        problems.add::<()>(
            &value.origin,
            "compares digests, which differ from build to build without `reproducible`",
            "give `reproducible: true`, with which the published image must have been built too".to_owned(),
        );
    }
    rebuild
}

/// What becomes of a published commit whose base images changed.
pub(super) fn base_changed(
    raw: &RawInputs,
    build: Option<&BuildSettings>,
    publishing: &Publishing,
    problems: &mut Problems,
) -> BaseChanged {
    let Some(value) = raw.text("base-changed", problems) else {
        return BaseChanged::Ignore;
    };
    match value.text.as_str() {
        "ignore" => return BaseChanged::Ignore,
        "rebuild" => {}
        other => {
            let message = format!("`{}` is neither `rebuild` nor `ignore`", cleaned(other));
            problems.add::<()>(&value.origin, message, None);
            return BaseChanged::Ignore;
        }
    }
    if *publishing != Publishing::Whole {
        problems.add::<()>(
            &value.origin,
            "`rebuild` needs the whole build in one run, and parts are built by several",
            "build all platforms in one run, on `builders` if need be".to_owned(),
        );
    }
    if build.is_some_and(|build| build.from_cache) {
        problems.add::<()>(
            &value.origin,
            "`rebuild` compares images with their registries, and `from-cache` reads copies that may be a day older",
            "leave one of the two out".to_owned(),
        );
    }
    BaseChanged::Rebuild
}

/// Says that `base-changed` does nothing, where nothing is published.
pub(super) fn left_out(base_changed: BaseChanged, push: bool) -> Option<String> {
    let is_left_out = base_changed == BaseChanged::Rebuild && !push;
    is_left_out.then(|| "`base-changed` is left out: it is about what is published".to_owned())
}

/// Reads the inputs about names. `images` is read as a destination.
pub(super) fn read(raw: &RawInputs, environment: &Environment, problems: &mut Problems) -> NamingInputs {
    let mode = mode(raw, problems);
    let version = raw
        .text("version", problems)
        .and_then(|value| wanted_version(&value, problems));
    let needs_version = raw.flag("version-required", problems);
    let tag_prefix = tag_prefix(raw, problems);
    let paths = made_from(raw, problems);
    let flavor = flavor(raw, mode, problems);
    let rules = rules(raw, mode, &flavor, problems);
    let labels = labels(raw, mode, problems);
    let short_digits = match ActionVariables::read(environment, mode) {
        Ok(variables) => variables.short_digits,
        Err(error) => problems.add(&Origin::Variable(error.0.to_owned()), "is not a number", None),
    };
    NamingInputs {
        version,
        needs_version,
        tag_prefix,
        paths,
        lists: Lists {
            mode,
            images: Vec::new(),
            rules,
            flavor,
            labels,
            annotations: Vec::new(),
        },
        short_digits,
    }
}

/// How rules are read.
pub(super) fn mode(raw: &RawInputs, problems: &mut Problems) -> Mode {
    let Some(value) = raw.text("compat", problems) else {
        return Mode::Strict;
    };
    if value.text != Mode::COMPATIBLE {
        let message = format!("`{}` is not a tool whose rules are known", cleaned(&value.text));
        let hint = format!("write `{}`, or leave it out", Mode::COMPATIBLE);
        problems.add::<()>(&value.origin, message, hint);
    }
    Mode::MetadataAction
}

/// What git tags of versions begin with.
pub(super) fn tag_prefix(raw: &RawInputs, problems: &mut Problems) -> TagPrefix {
    raw.text("tag-prefix", problems)
        .and_then(|value| problems.check(&value.origin, TagPrefix::parse(&value.text), None))
        .unwrap_or_default()
}

/// The paths that the image is made from, if they are given.
pub(super) fn made_from(raw: &RawInputs, problems: &mut Problems) -> Option<PathFilter> {
    let list = raw.list("paths", problems)?;
    let lines = list.text.lines().map(str::trim);
    let lines: Vec<&str> = lines.filter(|line| !line.is_empty()).collect();
    problems.check(&list.origin, PathFilter::parse(&lines), None)
}

/// The version that is given, with or without `v`, or `auto`.
fn wanted_version(value: &InputText, problems: &mut Problems) -> Option<RequestedVersion> {
    if value.text == "auto" {
        return Some(RequestedVersion::Next);
    }
    let Some(version) = version::from_git_tag(&value.text) else {
        return problems.add(
            &value.origin,
            format!("`{}` is not a semantic version", cleaned(&value.text)),
            "write all three numbers, such as `1.2.3` or `1.2.3-rc.1`, or `auto`".to_owned(),
        );
    };
    problems
        .check(&value.origin, version::release_tag(&version), None)
        .map(|_| RequestedVersion::Exact(version))
}

/// The flavor, from the one where nothing is said of it.
fn flavor(raw: &RawInputs, mode: Mode, problems: &mut Problems) -> Flavor {
    let base = Flavor::base_of(mode);
    let Some(list) = raw.list("flavor", problems) else {
        return base;
    };
    problems
        .check(&list.origin, base.with(&list.text, mode), None)
        .unwrap_or_default()
}

fn rules(raw: &RawInputs, mode: Mode, flavor: &Flavor, problems: &mut Problems) -> Vec<TagRule> {
    let Some(list) = raw.list("tags", problems) else {
        return TagRule::defaults_of(mode);
    };
    let rules = TagRule::parse_list_or_defaults(&list.text, mode).and_then(|rules| {
        // What a rule always makes can be judged now, unless a flavor changes it.
        if mode == Mode::Strict && *flavor == Flavor::plain() {
            rules.iter().try_for_each(TagRule::check_literal)?;
        }
        Ok(rules)
    });
    let hint = rules.as_ref().err().and_then(|error| tag_hint(error, &list.text));
    problems.check(&list.origin, rules, hint).unwrap_or_default()
}

fn tag_hint(error: &TagError, list: &str) -> Option<String> {
    let TagError::Line(error) = error else { return None };
    let line = list.lines().nth(error.line.saturating_sub(1))?;
    if line.trim_start().starts_with("type=") {
        return Some("`tagship ship --help` lists the rules".to_owned());
    }
    line.contains([':', '/'])
        .then(|| "give tags alone; the image's name comes from `registry` and `repository`".to_owned())
}

fn labels(raw: &RawInputs, mode: Mode, problems: &mut Problems) -> Vec<LabelRule> {
    let Some(list) = raw.list("labels", problems) else {
        return Vec::new();
    };
    let rules = problems
        .check(&list.origin, LabelRule::parse_list(&list.text, mode), None)
        .unwrap_or_default();
    for name in rules.iter().filter_map(LabelRule::name) {
        if RESERVED.contains(&name) {
            let hint = "leave it out: a second run recognises the image by it".to_owned();
            problems.add::<()>(&list.origin, format!("label `{name}` is Tagship's own"), hint);
        }
    }
    rules
}

/// The lists of tags and labels as they were written, by flags of other names, variables and the file.
#[derive(Debug, Clone, Default)]
pub struct ListInputs {
    /// Names, one on a line.
    pub images: String,
    /// Rules, one on a line.
    pub tags: String,
    /// Lines of the flavor.
    pub flavor: String,
    /// Labels, one on a line.
    pub labels: String,
    /// How all of them are read.
    pub mode: Mode,
    /// What git tags of versions begin with.
    pub tag_prefix: TagPrefix,
    /// The version that is asked for.
    pub version: Option<RequestedVersion>,
    /// The paths whose commits count for a version that is counted.
    pub paths: Option<PathFilter>,
}

/// Reads the lists that `ship` would read; those of the image `only`, where the file holds several.
///
/// Where it holds several and none is named, the lists are empty if `has_rules`: the rules come from elsewhere.
pub fn list_inputs(
    only: Option<String>,
    version: Option<String>,
    has_rules: bool,
    environment: &Environment,
) -> Result<ListInputs, SettingsError> {
    let flags = [("only", only), ("version", version)].into_iter();
    let flags = flags.filter_map(|(name, text)| Some((name, vec![text?])));
    let mut raw = RawInputs::gather(RawArguments::by_flags(flags.collect()), environment);
    if has_rules && raw.lacks_image() {
        return Ok(ListInputs::default());
    }
    let mut problems = Problems::new(raw.take_problems());
    let mut list = |name| {
        raw.list(name, &mut problems)
            .map_or_else(String::new, |list| list.text)
    };
    let lists = ListInputs {
        images: list("images"),
        tags: list("tags"),
        flavor: list("flavor"),
        labels: list("labels"),
        mode: mode(&raw, &mut problems),
        tag_prefix: tag_prefix(&raw, &mut problems),
        version: raw
            .text("version", &mut problems)
            .and_then(|value| wanted_version(&value, &mut problems)),
        paths: made_from(&raw, &mut problems),
    };
    problems.finish()?;
    Ok(lists)
}
