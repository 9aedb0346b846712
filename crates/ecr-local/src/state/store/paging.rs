//! Pages of long lists.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::refusal::Refusal;

/// One page of a sorted list, and the token for the next one.
#[derive(Debug)]
pub(crate) struct Page<T> {
    pub(crate) items: Vec<T>,
    pub(crate) next: Option<String>,
}

impl<T> Page<T> {
    /// The page of at most `size` items after the one that `token` names.
    ///
    /// `sorted` is in the order of `key`. A token stays right while items come and go.
    pub(crate) fn cut(
        sorted: impl IntoIterator<Item = T>,
        key: impl Fn(&T) -> &str,
        token: Option<&str>,
        size: usize,
    ) -> Result<Self, Refusal> {
        let after = token.map(key_of).transpose()?;
        let mut rest = sorted
            .into_iter()
            .skip_while(|item| after.as_deref().is_some_and(|after| key(item) <= after));
        let items: Vec<T> = rest.by_ref().take(size).collect();
        let next = match (rest.next(), items.last()) {
            (Some(_), Some(last)) => Some(URL_SAFE_NO_PAD.encode(key(last))),
            _ => None,
        };
        Ok(Self { items, next })
    }
}

/// The key of the last item of the page before.
fn key_of(token: &str) -> Result<String, Refusal> {
    URL_SAFE_NO_PAD
        .decode(token)
        .ok()
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .ok_or_else(|| Refusal::parameter("nextToken", "must be a token of an earlier answer"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_cover_a_list_once_and_in_order() {
        let items: Vec<String> = (0..7).map(|n| format!("item-{n}")).collect();
        let mut seen = Vec::new();
        let mut token = None;
        loop {
            let page = Page::cut(items.clone(), |item| item, token.as_deref(), 3).unwrap();
            assert!(page.items.len() <= 3);
            seen.extend(page.items);
            token = page.next;
            if token.is_none() {
                break;
            }
        }
        assert_eq!(seen, items);
    }

    #[test]
    fn the_last_page_has_no_token() {
        let items = ["a".to_owned(), "b".to_owned()];
        assert_eq!(Page::cut(items, |item| item, None, 2).unwrap().next, None);
    }

    #[test]
    fn foreign_tokens_are_refused() {
        assert!(Page::cut(["a".to_owned()], |item| item, Some("***"), 2).is_err());
    }
}
