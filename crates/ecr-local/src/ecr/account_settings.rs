use serde::Deserialize;
use serde_json::{Value, json};

use crate::json_api::{Context, Handler, Operation, Resource, Shape, read, required};
use crate::refusal::Refusal;
use crate::store::{Owner, Registry};

const NAME: Shape = Shape::text(1, 64);

pub(super) static OPERATIONS: &[Operation] = &[
    Operation {
        name: "GetAccountSetting",
        on: Resource::Registry,
        input: &[required("name", NAME)],
        run: Handler::Blocking(get),
    },
    Operation {
        name: "PutAccountSetting",
        on: Resource::Registry,
        input: &[required("name", NAME), required("value", Shape::ANY_TEXT)],
        run: Handler::Blocking(put),
    },
];

/// A setting of an account in a region, the values that it takes, and which of them it has at first.
///
/// Source: ECR API reference, `PutAccountSetting`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct AccountSetting {
    name: &'static str,
    values: &'static [&'static str],
    initial: &'static str,
}

/// Whether layers may be mounted across repositories.
pub(crate) static BLOB_MOUNTING: AccountSetting = AccountSetting {
    name: "BLOB_MOUNTING",
    values: &[ENABLED, "DISABLED"],
    initial: "DISABLED",
};

/// The value of a setting that is switched on.
pub(crate) const ENABLED: &str = "ENABLED";

static BASIC_SCAN_TYPE_VERSION: AccountSetting = AccountSetting {
    name: "BASIC_SCAN_TYPE_VERSION",
    values: &["AWS_NATIVE"],
    initial: "AWS_NATIVE",
};

static REGISTRY_POLICY_SCOPE: AccountSetting = AccountSetting {
    name: "REGISTRY_POLICY_SCOPE",
    values: &["V2"],
    initial: "V2",
};

impl AccountSetting {
    fn of(name: &str) -> Result<&'static Self, Refusal> {
        [&BASIC_SCAN_TYPE_VERSION, &BLOB_MOUNTING, &REGISTRY_POLICY_SCOPE]
            .into_iter()
            .find(|setting| setting.name == name)
            .ok_or_else(|| invalid("name", "must be the name of an account setting"))
    }

    fn document(&self) -> String {
        format!("account-setting/{}", self.name)
    }

    /// The value that a registry has.
    pub(crate) fn value(&self, registry: &Registry) -> Result<String, Refusal> {
        let value = registry.document(Owner::Registry, &self.document())?;
        Ok(value.unwrap_or_else(|| self.initial.to_owned()))
    }
}

fn invalid(member: &str, constraint: &str) -> Refusal {
    let message = format!("Invalid parameter at '{member}' failed to satisfy constraint: '{constraint}'");
    Refusal::modelled("ValidationException", message)
}

#[derive(Deserialize)]
struct GetAccountSetting {
    name: String,
}

/// `GetAccountSetting`.
fn get(context: &Context<'_>, document: Value) -> Result<Value, Refusal> {
    let request: GetAccountSetting = read(document)?;
    let setting = AccountSetting::of(&request.name)?;
    Ok(json!({"name": setting.name, "value": setting.value(&context.registry)?}))
}

#[derive(Deserialize)]
struct PutAccountSetting {
    name: String,
    value: String,
}

/// `PutAccountSetting`.
fn put(context: &Context<'_>, document: Value) -> Result<Value, Refusal> {
    let request: PutAccountSetting = read(document)?;
    let setting = AccountSetting::of(&request.name)?;
    if !setting.values.contains(&request.value.as_str()) {
        let set = setting.values.join(", ");
        return Err(invalid(
            "value",
            &format!("Member must satisfy enum value set: [{set}]"),
        ));
    }
    let answer = json!({"name": setting.name, "value": request.value});
    context
        .registry
        .put_document(Owner::Registry, &setting.document(), request.value)?;
    Ok(answer)
}
