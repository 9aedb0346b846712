//! Addresses for people: a commit on its forge, an image in AWS's console.

use super::Report;
use tagship_domain::reference::{Digest, ImageName, Region};

/// The longest address that is made a link of.
const MOST: usize = 500;

/// The commit's page, where the repository's address is one that a browser opens and Markdown holds.
pub(super) fn commit(report: &Report) -> Option<String> {
    let web = report.surroundings.web.as_deref().filter(|web| is_page(web))?;
    let revision = report.revision.as_ref()?;
    Some(format!("{web}/commit/{}", revision.commit))
}

/// The run's page, where it is one that a browser opens and Markdown holds.
pub(super) fn run(report: &Report) -> Option<String> {
    report.surroundings.run.clone().filter(|run| is_page(run))
}

fn is_page(address: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b":/.-_~?=&%#".contains(&byte);
    address.starts_with("https://") && address.len() <= MOST && address.bytes().all(is_plain)
}

/// The image's page in the console of the registry's account; `None` where AWS has none that is known.
///
/// Source: the addresses of the Amazon ECR console, and of consoles in China and in the `GovCloud` regions.
pub(super) fn console(image: &ImageName, digest: &Digest) -> Option<String> {
    let (account, region) = (image.registry.account()?, image.registry.region()?);
    let host = match Region::partition(region) {
        "aws" => format!("{region}.console.aws.amazon.com"),
        "aws-cn" => format!("{region}.console.amazonaws.cn"),
        "aws-us-gov" => format!("{region}.console.amazonaws-us-gov.com"),
        _ => return None,
    };
    Some(format!(
        "https://{host}/ecr/repositories/private/{account}/{}/_/image/{digest}/details?region={region}",
        image.repository
    ))
}

#[cfg(test)]
mod tests {
    use super::super::Status;
    use super::super::tests::report;
    use super::*;

    #[test]
    fn a_commit_is_linked_on_a_forge_alone() {
        let mut report = report(Status::Published);
        let id = report.revision.as_ref().unwrap().commit.to_string();
        for (web, expected) in [
            (
                "https://github.com/octo/app",
                Some(format!("https://github.com/octo/app/commit/{id}")),
            ),
            ("http://github.com/octo/app", None),
            ("https://github.com/octo/app)[x](javascript:", None),
            ("git@github.com:octo/app", None),
        ] {
            report.surroundings.web = Some(web.to_owned());
            assert_eq!(commit(&report), expected, "{web}");
        }
    }

    #[test]
    fn an_image_is_linked_in_the_console_of_its_partition() {
        let digest = Digest::of(b"");
        for (host, expected) in [
            (
                "123456789012.dkr.ecr.eu-central-1.amazonaws.com",
                Some(
                    "https://eu-central-1.console.aws.amazon.com/ecr/repositories/private/123456789012/team/app/_/image/",
                ),
            ),
            (
                "123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn",
                Some("https://cn-north-1.console.amazonaws.cn/ecr/"),
            ),
            ("127.0.0.1:5510", None),
        ] {
            let image = ImageName {
                registry: tagship_domain::reference::RegistryHost::parse_any(host).unwrap(),
                repository: tagship_domain::reference::RepositoryName::parse("team/app").unwrap(),
            };
            let link = console(&image, &digest);
            assert_eq!(link.is_some(), expected.is_some(), "{link:?}");
            assert!(
                link.unwrap_or_default().starts_with(expected.unwrap_or_default()),
                "{host}"
            );
        }
    }
}
