//! The list of tags.

use http::HeaderMap;
use http::header::LINK;
use serde::Deserialize;
use url::Url;

use super::client::{Client, read_up_to, transport_failure};
use super::error::RegistryError;
use super::failure::Failure;
use super::operation::Operation;
use tagship_domain::reference::Tag;

/// How many tags one page is asked to have: the most that ECR allows.
const PAGE: usize = 1000;

/// The most bytes of one page: every tag of the greatest length, quoted, and what stands around them.
const MAX_PAGE_BYTES: usize = PAGE * (Tag::MAX_LENGTH + 4) + 4096;

/// The most pages that are read. ECR's quota is 100,000 images in a repository, few of which have many tags.
const MAX_PAGES: usize = 250;

/// Source: OCI distribution spec, "Listing Tags".
#[derive(Deserialize)]
struct Page {
    /// Absent or null in registries that say so for none.
    tags: Option<Vec<String>>,
}

impl Client {
    /// All tags, page by page. What is no legal tag is left out.
    pub(crate) async fn read_tags(&self) -> Result<Vec<Tag>, RegistryError> {
        let operation = Operation::ListTags;
        let mut tags = Vec::new();
        let mut query = format!("n={PAGE}");
        for _ in 0..MAX_PAGES {
            let attempt = || Self::within(self.retry_policy.answer, self.list_page_once(operation, &query));
            let (page, next) = self
                .retried(operation, attempt)
                .await
                .map_err(|failure| failure.into_error(&self.image, operation))?;
            tags.extend(page.iter().filter_map(|tag| Tag::parse(tag).ok()));
            match next {
                None => return Ok(tags),
                Some(next) if next == query => break,
                Some(next) => query = next,
            }
        }
        let endless = Failure::refused(&self.image, operation, "its pages do not end");
        Err(endless.into_error(&self.image, operation))
    }

    /// One page, and the query of the next one.
    async fn list_page_once(
        &self,
        operation: Operation<'_>,
        query: &str,
    ) -> Result<(Vec<String>, Option<String>), Failure> {
        let mut address = self.address("tags/list")?;
        address.set_query(Some(query));
        let mut response = self.send(operation, || self.http.get(address.clone())).await?;
        if response.status().is_redirection() {
            return Err(Failure::refused(&self.image, operation, "it redirects a list"));
        }
        let body = read_up_to(&mut response, MAX_PAGE_BYTES)
            .await
            .map_err(transport_failure)?;
        let page: Page = serde_json::from_slice(&body)
            .map_err(|_no_list| Failure::refused(&self.image, operation, "its answer is no list of tags"))?;
        Ok((
            page.tags.unwrap_or_default(),
            next_query(response.headers(), &address),
        ))
    }
}

/// The query of the page after this one, from `Link: </v2/name/tags/list?…>; rel="next"`.
///
/// Only the query is taken, which ECR makes opaque: the credential goes nowhere else than before.
pub(crate) fn next_query(headers: &HeaderMap, address: &Url) -> Option<String> {
    let link = headers.get(LINK)?.to_str().ok()?;
    let (target, parameters) = link.trim_start().strip_prefix('<')?.split_once('>')?;
    let is_next = parameters
        .split(';')
        .any(|parameter| matches!(parameter.trim(), "rel=\"next\"" | "rel=next"));
    let next = address.join(target).ok().filter(|_| is_next)?;
    next.query().map(str::to_owned)
}
