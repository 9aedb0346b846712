//! The alias of an account's public registry.

use std::fmt;

use tagship_domain::reference::AccountId;

/// The name of an account's public registry: `<alias>/<repository>` is a repository at the host of all of them.
///
/// ECR gives random ones, and others to who asks for them; here it follows from the account: `a` and the account's
/// number with the 36 digits that an alias may have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Alias(String);

const DIGITS: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";

/// The digits of the greatest account's number.
const LENGTH: usize = 8;

impl Alias {
    /// An account's.
    pub(crate) fn of(account: &AccountId) -> Self {
        let mut number: usize = account.as_str().parse().unwrap_or_default();
        let mut digits = Vec::with_capacity(LENGTH);
        for _ in 0..LENGTH {
            digits.extend(DIGITS.get(number % DIGITS.len()).copied().map(char::from));
            number /= DIGITS.len();
        }
        Self(std::iter::once('a').chain(digits.into_iter().rev()).collect())
    }

    /// The account that an alias is of.
    pub(crate) fn account(text: &str) -> Option<AccountId> {
        let digits = text.strip_prefix('a')?;
        let number = u64::from_str_radix(digits, 36).ok()?;
        let account = AccountId::parse(&format!("{number:012}")).ok()?;
        (Self::of(&account).0 == text).then_some(account)
    }
}

impl fmt::Display for Alias {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alias_and_its_account_tell_each_other() {
        for (account, alias) in [
            ("000000000000", "a00000000"),
            ("000000000035", "a0000000z"),
            ("000000000036", "a00000010"),
            ("123456789012", "a1kpqzg2c"),
            ("999999999999", "acre66i9r"),
        ] {
            let account = AccountId::parse(account).unwrap();
            assert_eq!(Alias::of(&account).to_string(), alias);
            assert_eq!(Alias::account(alias), Some(account));
        }
        for text in [
            "",
            "a",
            "a0",
            "b00000000",
            "azzzzzzzz",
            "a0000000Z",
            "a+0000000",
            "a000000000",
        ] {
            assert_eq!(Alias::account(text), None, "{text}");
        }
    }
}
