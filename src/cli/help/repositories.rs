//! The examples of `tagship repo`, `tagship lifecycle` and `tagship prune`.

pub(in crate::cli) const REPO_PLAN: &str = "\
What is not declared is left as it is. Exit code 12: a repository cannot become what is declared, or, with `--exit-code`, \
anything differs. docs/registry-as-code.md has more.

Examples:
  tagship repo plan
      Compare what tagship.yaml declares with what is there
  tagship repo plan team/app --exit-code
      Fail where one repository was changed by hand
  tagship repo plan --json | jq -r '.repositories[] | select(.action != \"keep\") | .repository'
      List what differs";

pub(in crate::cli) const REPO_APPLY: &str = "\
Only what differs is written, one repository after the other; what cannot be changed is named before anything is. A second run \
writes nothing. Nothing is removed that is not declared, but with `prune: true` of a repository, and repositories without images \
with `--prune`.

Examples:
  tagship repo apply
      Make and change repositories, as tagship.yaml declares them
  tagship repo apply team/app
      The same for one of them";

pub(in crate::cli) const LIFECYCLE_PREVIEW: &str = "\
The evaluator is that of the embedded ECR; with `--by-ecr` ECR says what goes at once, and what both say is compared. The policy is \
the declared one; where none is declared, the one that is there. Exit code 12: it would delete what `protect` names, or the last \
release of a line of versions.

Examples:
  tagship lifecycle preview
      Judge the policies of tagship.yaml by the images that are there
  tagship lifecycle preview team/app --by-ecr
      Have ECR judge them, which begins a preview there
  tagship lifecycle preview team/app --json | jq '.repositories[].images[].tags'
      List the tags that would go";

pub(in crate::cli) const PRUNE: &str = "\
What no rule is about stays, what `protect` names, and whatever an image that stays lists. docs/pruning.md has more.

Examples:
  tagship prune team/app --keep-releases 3 --untagged-days 7
      Show which images would go; nothing is deleted
  tagship prune team/app --keep-last 20 --keep-days 30 --keep prod --apply
      Delete what is neither young nor among the newest";

pub(in crate::cli) const REPO_COST: &str = "\
A layer counts once in a repository, as ECR bills it. Free tiers are left out. docs/cost.md has more.

Examples:
  tagship repo cost --pulls 1000 --region-pulls 200
      Price the repositories of tagship.yaml
  tagship repo cost team/app --json | jq '.repositories[] | {repository, storage, policy}'
      Show what one repository's policy would save
  tagship repo cost --size 500MB --versions 10 --region-pulls 1000
      Price numbers; no registry is asked";

pub(in crate::cli) const REPO_LIST: &str = "\
Nothing is written. What is declared in `tagship.yaml` is compared; the registries that `targets` names are listed too.

Examples:
  tagship repo list
  tagship repo list team/app team/api --json
  tagship repo list --markdown >> \"$GITHUB_STEP_SUMMARY\"";

pub(in crate::cli) const REPO_IMPORT: &str = "\
Nothing is written.

Examples:
  tagship repo import
      Print the declaration of all repositories
  tagship repo import team/app >> tagship.yaml
      Begin with what is there";

pub(in crate::cli) const REPO_DELETE: &str = "\
A repository that holds images stays, but with `--force` and its name typed once more. Images cannot be restored.

Examples:
  tagship repo delete team/old
      Remove an empty repository
  tagship repo delete team/old --force --confirm team/old
      Remove it with all its images";
