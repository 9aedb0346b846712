//! All rules together.

use std::cmp::Reverse;

use super::apply::{LatestClaim, NoTagKind, NoTagReason, RuleOutcome, reference};
use super::error::{LineError, LineProblem, TagError};
use super::evaluation::{Evaluation, Explanation, MadeTag, TagText};
use super::flavor::{DefaultAffix, Flavor};
use super::kind::OrderAttribute;
use super::note::TagNote;
use super::order::{Order, VersionLine};
use super::reserved::{named_commit, names_other_commit, why_not_a_branchs};
use super::rule::TagRule;
use super::variables::Text;
use super::{Mode, TagClass, TagContext};
use crate::facts::DIRTY_SUFFIX;
use crate::reference::Tag;
use crate::template::Escape;
use crate::untrusted::cleaned;
use crate::version::{TagPrefix, from_git_tag};

/// Makes the tags of a run.
///
/// In the strict mode, rules that make no tag at all are an error.
pub fn evaluate(
    rules: &[TagRule],
    flavor: &Flavor,
    context: &TagContext<'_>,
) -> Result<Evaluation, TagError> {
    let mut ordered: Vec<&TagRule> = rules.iter().collect();
    ordered.sort_by_key(|rule| Reverse(rule.priority));
    let mut making = Evaluator {
        context,
        flavor,
        made: Evaluation::default(),
        stages: Vec::new(),
        versions: context
            .version
            .and_then(|version| VersionLine::around(version, context.tag_prefix)),
        latests: Vec::new(),
        is_version_missing: false,
    };
    for rule in ordered {
        making.rule(rule)?;
    }
    making.latest()?;
    making.order_latest();
    making.tell_no_version();
    let made = making.made;
    if made.tags.is_empty() && context.mode == Mode::Strict {
        return Err(TagError::NoTag {
            silent: made.silent(),
        });
    }
    Ok(made)
}

/// What a tag promises, and what it speaks of.
pub(super) struct Claim {
    pub(super) class: TagClass,
    pub(super) order: Option<Order>,
    pub(super) is_about_event: bool,
}

/// An evaluation that goes on.
pub(super) struct Evaluator<'a> {
    pub(super) context: &'a TagContext<'a>,
    pub(super) flavor: &'a Flavor,
    pub(super) made: Evaluation,
    /// One for each tag that was made, in order.
    pub(super) stages: Vec<LatestClaim>,
    /// All versions, around that of the run.
    pub(super) versions: Option<VersionLine>,
    /// Each `latest`, with what stands before and behind versions beside it.
    pub(super) latests: Vec<(String, [String; 2])>,
    /// Whether a rule found no version in the git tag that started the run.
    is_version_missing: bool,
}

impl Evaluator<'_> {
    fn rule(&mut self, rule: &TagRule) -> Result<(), LineError> {
        let outcome = if self.is_enabled(rule)? {
            rule.apply(self.context)?
        } else {
            RuleOutcome::Silent(NoTagReason {
                reason: "`enable` is `false`".to_owned(),
                kind: NoTagKind::OtherRun,
            })
        };
        let (body, class, stage, order) = match outcome {
            RuleOutcome::Made {
                body,
                class,
                stage,
                order,
            } => (body, class, stage, order),
            RuleOutcome::Silent(silence) => {
                self.silent(rule, silence);
                return Ok(());
            }
        };
        let prefix = self.affix(rule.prefix.as_ref(), &self.flavor.prefix)?;
        let suffix = self.affix(rule.suffix.as_ref(), &self.flavor.suffix)?;
        let name = format!("{prefix}{body}{suffix}");
        let of_ref = (rule.is_about_event(self.flavor, self.context)).then(|| reference(self.context));
        let illegal = |source| {
            let problem = match of_ref.clone() {
                Some(reference) => LineProblem::IllegalOfRef { reference, source },
                None => LineProblem::Illegal(source),
            };
            LineError::new(rule.line, rule.column, problem)
        };
        let policy = self.context.mode.policy();
        let Some(name) = policy.finished(name).map_err(illegal)? else {
            self.silent(rule, NoTagReason::surprise("it makes an empty text".to_owned()));
            return Ok(());
        };
        let holds_commit = rule.holds_commit(self.flavor);
        let guards = policy.guards_versions();
        if guards
            && class.is_none()
            && !holds_commit
            && let Some(reason) = self.why_not(rule, &name)
        {
            self.silent(rule, NoTagReason::surprise(reason));
            return Ok(());
        }
        let class = match class {
            Some(class) => class,
            None if from_git_tag(&name).is_some()
                && !(guards && rule.is_about_branch(self.flavor, self.context)) =>
            {
                TagClass::Release
            }
            None if holds_commit || guards && named_commit(&name).is_some() => TagClass::Commit,
            None => TagClass::Moving,
        };
        self.tell_empty(rule);
        self.stages.push(stage);
        if rule.is_latest() {
            self.latests
                .push((name.clone(), [prefix.clone(), suffix.clone()]));
        }
        let order = order.map(|order| self.ordered(order, &prefix, &suffix));
        let order = self.chosen(rule.order, order);
        let claim = Claim {
            class,
            order,
            is_about_event: rule.is_about_event(self.flavor, self.context),
        };
        self.add(name, claim, rule.to_string(), Some(rule.line))
            .map_err(illegal)?;
        Ok(())
    }

    /// Why a tag of this name would claim what is not true.
    fn why_not(&self, rule: &TagRule, name: &str) -> Option<String> {
        let shown = cleaned(name);
        if rule.is_about_branch(self.flavor, self.context) {
            let whose = why_not_a_branchs(name)?;
            return Some(format!("a branch takes no such tag: `{shown}` is {whose}"));
        }
        let own = self.context.event.commit.as_ref()?;
        names_other_commit(name, own).then(|| format!("`{shown}` names another commit"))
    }

    fn is_enabled(&self, rule: &TagRule) -> Result<bool, LineError> {
        let Some(enable) = &rule.enable else {
            return Ok(true);
        };
        let text = enable.fill(self.context, Escape::None)?;
        match text.as_str() {
            "true" => Ok(true),
            "false" => Ok(false),
            found => Err(enable.error(
                0,
                LineProblem::Value {
                    attribute: "enable".into(),
                    found: cleaned(found),
                    expected: "`true` or `false`",
                },
            )),
        }
    }

    /// The rule's own affix, even an empty one, or else the flavor's.
    pub(super) fn affix(&self, own: Option<&Text>, shared: &DefaultAffix) -> Result<String, LineError> {
        own.or(shared.text.as_ref())
            .map_or(Ok(String::new()), |text| text.fill(self.context, Escape::Tag))
    }

    /// The order of a rule's tag, with what stands around it; the first version that is read is that of the run.
    fn ordered(&mut self, order: Order, prefix: &str, suffix: &str) -> Order {
        match order {
            Order::Commits | Order::Anywhere | Order::Elsewhere(_) => order,
            Order::Versions(line) => {
                self.versions.get_or_insert_with(|| line.whole());
                Order::Versions(Box::new(line.within(prefix, suffix)))
            }
        }
    }

    /// The order that the rule asks for, or else the one that its type has.
    fn chosen(&self, asked: Option<OrderAttribute>, usual: Option<Order>) -> Option<Order> {
        match asked {
            None => usual,
            Some(OrderAttribute::None) => Some(Order::Anywhere),
            Some(OrderAttribute::Commit) => Some(Order::Commits),
            Some(OrderAttribute::Version) => {
                let is_of_versions = matches!(usual, Some(Order::Versions(_)));
                let whole = || {
                    self.versions
                        .as_ref()
                        .map(|line| Order::Versions(Box::new(line.whole())))
                };
                if is_of_versions { usual } else { whole() }
            }
        }
    }

    /// Adds what is to be known of a rule's variables: a reader may take an empty one for a mistake of his own.
    fn tell_empty(&mut self, rule: &TagRule) {
        for variable in rule.empty_variables(self.flavor, self.context) {
            self.made.notes.push(TagNote::EmptyVariable {
                rule: rule.to_string(),
                variable,
                reference: reference(self.context),
            });
        }
    }

    /// That the git tag of a run that publishes no version names none.
    fn tell_no_version(&mut self) {
        let has_release = self.made.has_release();
        if let Some(tag) = self
            .context
            .event
            .named_tag()
            .filter(|_| self.is_version_missing && !has_release)
        {
            let prefix = self.context.tag_prefix.and_then(TagPrefix::given);
            self.made.notes.push(TagNote::NoVersion {
                tag: tag.to_owned(),
                prefix: prefix.map(str::to_owned),
            });
        }
    }

    fn silent(&mut self, rule: &TagRule, NoTagReason { reason, kind }: NoTagReason) {
        match kind {
            NoTagKind::OtherRun => {}
            NoTagKind::NoVersion => self.is_version_missing = true,
            NoTagKind::Surprise => self.made.notes.push(TagNote::SilentRule {
                rule: rule.to_string(),
                reason: reason.clone(),
            }),
        }
        self.made.explanations.push(Explanation {
            rule: rule.to_string(),
            line: Some(rule.line),
            tag: None,
            class: None,
            reason: Some(reason),
        });
    }

    /// Adds a tag, or strengthens the promise of the same one.
    ///
    /// A dirty working tree is not what its commit says: its tags are marked, and none of them promises to stay.
    pub(super) fn add(
        &mut self,
        mut name: String,
        claim: Claim,
        rule: String,
        line: Option<usize>,
    ) -> Result<(), crate::reference::InvalidName> {
        let Claim {
            mut class,
            mut order,
            is_about_event,
        } = claim;
        if self.context.is_dirty {
            name += DIRTY_SUFFIX;
            class = TagClass::Moving;
            order = None;
            if self.context.mode == Mode::Strict {
                Tag::parse(&name)?;
            }
        }
        let known = self
            .made
            .tags
            .iter_mut()
            .find(|known| known.name.as_str() == name);
        let reason = known
            .as_ref()
            .map(|known| format!("`{}` made the same tag before", known.rule));
        self.made.explanations.push(Explanation {
            rule: rule.clone(),
            line,
            tag: Some(name.clone()),
            class: Some(class),
            reason,
        });
        match known {
            // The action adds its `latest` even to one that a rule made.
            Some(_) if line.is_none() && self.context.mode == Mode::MetadataAction => {}
            Some(known) => {
                known.class = known.class.min(class);
                known.order = known.order.take().or(order);
                known.is_about_event |= is_about_event;
                return Ok(());
            }
            None => {}
        }
        self.made.tags.push(MadeTag {
            name: TagText::new(name),
            class,
            rule,
            order,
            is_about_event,
        });
        Ok(())
    }
}
