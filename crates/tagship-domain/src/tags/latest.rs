//! `latest`: whether the flavor makes it, and what it keeps to.

use super::Mode;
use super::TagClass;
use super::apply::LatestClaim;
use super::error::{LineError, LineProblem};
use super::evaluate::{Claim, Evaluator};
use super::evaluation::Explanation;
use super::flavor::{DefaultAffix, Latest};
use super::order::Order;
use crate::reference::Tag;
use crate::template::{Escape, hyphenated};

impl Evaluator<'_> {
    /// Adds the flavor's `latest`.
    pub(super) fn latest(&mut self) -> Result<(), LineError> {
        let word = match self.flavor.latest {
            Latest::Auto => "auto",
            Latest::Always => "true",
            Latest::Never => return Ok(()),
        };
        let rule = format!("flavor: latest={word}");
        if let Some(reason) = self.why_no_latest() {
            self.made.explanations.push(Explanation {
                rule,
                line: None,
                tag: None,
                class: None,
                reason: Some(reason.to_owned()),
            });
            return Ok(());
        }
        let around = [&self.flavor.prefix, &self.flavor.suffix]
            .map(|affix| self.affix(None, affix).unwrap_or_default());
        let affix = |affix: &DefaultAffix| match &affix.text {
            Some(text) if affix.is_on_latest => match self.context.mode {
                Mode::Strict => text.fill(self.context, Escape::Tag),
                // The action does not fill templates in here.
                Mode::MetadataAction => Ok(text.template.source().to_owned()),
            },
            _ => Ok(String::new()),
        };
        let name = format!(
            "{}latest{}",
            affix(&self.flavor.prefix)?,
            affix(&self.flavor.suffix)?
        );
        let name = match self.context.mode {
            Mode::MetadataAction => hyphenated(&name),
            Mode::Strict => name,
        };
        let place = [&self.flavor.prefix, &self.flavor.suffix]
            .into_iter()
            .find_map(|affix| affix.text.as_ref());
        let at = |problem: LineProblem| {
            place.map_or_else(
                || LineError::new(1, 1, problem.clone()),
                |text| text.error(0, problem.clone()),
            )
        };
        if self.context.mode == Mode::Strict {
            Tag::parse(&name).map_err(|source| at(LineProblem::Illegal(source)))?;
        }
        self.latests.push((name.clone(), around));
        let claim = Claim {
            class: TagClass::Moving,
            order: None,
            is_about_event: self.context.version.is_none(),
        };
        self.add(name, claim, rule, None)
            .map_err(|source| at(LineProblem::Illegal(source)))
    }

    /// Why there is no `latest`, if there is none.
    fn why_no_latest(&self) -> Option<&'static str> {
        let first = self.stages.first();
        let has = |stage| self.stages.contains(&stage);
        match (self.flavor.latest, self.context.mode) {
            (_, _) if first.is_none() => Some("no rule makes a tag"),
            (_, Mode::Strict) if has(LatestClaim::PreRelease) => Some("a pre-release moves no `latest`"),
            (Latest::Always | Latest::Never, _) => None,
            (Latest::Auto, Mode::Strict) => {
                (!has(LatestClaim::Release)).then_some("no rule makes the tag of a release")
            }
            // The action asks the first tag alone.
            (Latest::Auto, Mode::MetadataAction) => {
                (first != Some(&LatestClaim::Release)).then_some("the first tag is not that of a release")
            }
        }
    }

    /// Every `latest` is that of all versions when the run has one, else that of its branch.
    pub(super) fn order_latest(&mut self) {
        let is_at_branch = self.context.event.git_ref.branch().is_some();
        for (name, [prefix, suffix]) in &self.latests {
            let by_version = self
                .versions
                .as_ref()
                .map(|line| Order::Versions(Box::new(line.clone().within(prefix, suffix))));
            let order = by_version.or_else(|| is_at_branch.then_some(Order::Commits));
            for made in self
                .made
                .tags
                .iter_mut()
                .filter(|made| made.name.as_str() == *name)
            {
                made.order = made.order.take().or_else(|| order.clone());
                made.is_about_event |= made.order == Some(Order::Commits);
            }
        }
    }
}
