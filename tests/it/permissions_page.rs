//! `docs/permissions.md` is made from the table of permissions; a stale one fails here.
//!
//! `cargo xtask generate` writes it anew.

use std::fmt::Write as _;

use tagship_domain::iam::{COMMANDS, CommandPermissions, Need, PUBLIC_COMMANDS};

use crate::inputs_generated::is_fresh;

const BEGINNING: &str = "\
<!-- Made from the table of permissions: cargo xtask generate -->
# Permissions

A role that publishes has two policies: what it may do, and who may assume it. `tagship iam` prints both for the
repositories in `tagship.yaml`, or for the one that flags name; it calls no AWS API.

```sh
tagship iam --repository team/app --account-id 123456789012 --aws-region eu-central-1
tagship iam trust --repository team/app --account-id 123456789012 --aws-region eu-central-1 --github-repository octo/app
```

`--format terraform` prints them as data sources `aws_iam_policy_document`, `--json` with more about each action.

## What the role may do
";

const PUBLIC: &str = "
## ECR Public

Where the registry is `public.ecr.aws` ([ECR Public](ecr-public.md)), the same commands need other actions, which `tagship iam` then
prints. Everybody may read images, so that reading them needs none.
";

const ENDING: &str = "
*Required*: the command fails without it, and names it. *Recommended*: the command works without it, and says what it did not
check; `--only-required` leaves it out. `ecr:GetAuthorizationToken`, `ecr:GetRegistryScanningConfiguration`,
`ecr:GetSigningConfiguration`, `inspector2:ListFindings` and what the registry's own settings and its templates need are allowed on `*`, `signer:SignPayload` on the signing profiles of
the registry's account and region; `ship --from-cache` reads rules on `*` and base images in all
repositories, which may be narrowed to the rules' prefixes; `repo apply --prune` finds and removes in all repositories; what logs in to ECR Public and names its aliases is allowed on `*`; all else is allowed on the repositories alone. Without `--for` it is `ship` with what the settings switch on. A role that ships with the scan gate needs both tables: `tagship iam --for ship,scan`, or `ship,scan-wait` where it begins no scan;
one that signs `--for ship,sign` or `--for ship,sign-managed`. `--for repo`, `repo-plan`, `repo-import`, `repo-list`, `repo-cost`, `lifecycle-preview`, `prune` and `repo-delete` are about the repositories that
`tagship.yaml` declares; a file with `registry-settings` needs `--for repo,repo-settings`, and `tagship repo import --registry-settings` `--for repo-import,repo-settings-plan`. `repo import`, `repo list` and `repo cost` without
names are about all repositories, on which they then need what the table says. `tagship version`, `tags`, `iam` and `local` need no AWS permission.

`promote` and `copy` need what the table says in the repositories that they read and write; within one repository `promote` needs no
layers' actions. `push` and `copy` need for `--create-repository` what `ship` needs for it, and `release` a GitHub token, which is no matter of AWS.
A base image in a private ECR repository is pulled with the same role: it then needs `ecr:BatchGetImage` and
`ecr:GetDownloadUrlForLayer` on that repository too, by the role's policy or by the repository's.

## What a session may do

A role often may push to many repositories; a run needs one. So the session that a run assumes is narrowed (`session-policy: auto`):
it reads what the role may read, and pushes to the repositories of the run alone, its cache's among them. It deletes nothing,
whatever the role allows. Credentials that leak out of a job, and the password that the engine is given, are worth no more than that.
Where the names of all repositories do not fit into 2048 characters, their common beginnings stand for them (`team/*`); where STS
has no room for the policy, the run goes on without; it says both. Policies of your own take its place ([credentials](credentials.md)). A refusal says whether the role or the session policy
was in the way. `session-policy: none` leaves the session as the role is.

## Who may assume it

The trust policy takes GitHub's OIDC tokens of one repository (`--github-repository`), of jobs that you name:

| flag | jobs |
|---|---|
| `--branch main`, `--branch 'release/*'` | of branches |
| `--tag 'v*'` | of git tags |
| `--environment production` | that name an environment; their tokens say nothing of branch and tag |
| `--pull-request` | of pull requests from the repository itself; forks are given no tokens |

Without any of them it is `--branch main --tag 'v*'`.

A token names its job in the claim `sub`. Repositories that were created, renamed or transferred after 2026-07-15 have the ids of
owner and repository in it: `repo:octo@1/app@2:ref:refs/heads/main` in place of `repo:octo/app:ref:refs/heads/main`. A policy with one form
never matches the other, and AWS says only \"Not authorized to perform sts:AssumeRoleWithWebIdentity\". So both are
trusted by default; `--subject classic` or `--subject immutable` trusts one. With `--owner-id` and `--repository-id`, which a job knows from
its variables, the ids are exact; otherwise any are taken, which trusts no other repository.
";

/// A command as it is typed.
fn typed(name: &str) -> String {
    match name {
        "repo" => "repo apply".to_owned(),
        "repo-settings-plan" => "repo plan` with `registry-settings".to_owned(),
        "repo-settings" => "repo apply` with `registry-settings".to_owned(),
        "repo-prune" => "repo apply --prune".to_owned(),
        "lifecycle-preview-by-ecr" => "lifecycle preview --by-ecr".to_owned(),
        "from-cache" => "ship --from-cache".to_owned(),
        "create-repository" => "ship --create-repository".to_owned(),
        "create-by-template" => "ship --create-repository=template".to_owned(),
        "scan-wait" => "ship --scan wait".to_owned(),
        "sign" => "ship --sign cosign` or `notation".to_owned(),
        "notify" => "ship` with `notify: sns=…` or `eventbridge=…".to_owned(),
        "sign-managed" => "ship --sign managed".to_owned(),
        "wait-for-replication" => "ship --wait-for-replication".to_owned(),
        name => name.replace('-', " "),
    }
}

#[test]
fn the_page_of_permissions_is_what_the_table_says() {
    let mut page = BEGINNING.to_owned();
    for command in COMMANDS {
        add_table(&mut page, command);
    }
    page.push_str(PUBLIC);
    for command in PUBLIC_COMMANDS {
        add_table(&mut page, command);
    }
    page.push_str(ENDING);
    is_fresh("docs/permissions.md", &page);
}

fn add_table(page: &mut String, command: &CommandPermissions) {
    let is_public = PUBLIC_COMMANDS.iter().any(|known| std::ptr::eq(known, command));
    let place = if is_public { " in ECR Public" } else { "" };
    writeln!(
        page,
        "\n### `tagship {}`{place}\n\n| action | | to |\n|---|---|---|",
        typed(command.name)
    )
    .unwrap();
    for permission in command.permissions {
        let need = match permission.need {
            Need::Required => "required",
            Need::Recommended => "recommended",
        };
        writeln!(
            page,
            "| `{}` | {need} | {} |",
            permission.action, permission.reason
        )
        .unwrap();
    }
}
