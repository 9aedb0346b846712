//! Settings of an account in a region.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::faces::json_api::{Context, Handler, Operation, Resource, Shape, read, required};
use crate::refusal::Refusal;
use crate::services::account_settings::AccountSetting;

const NAME: Shape = Shape::text(1, 64);

pub(crate) static OPERATIONS: &[Operation] = &[
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

fn find(name: &str) -> Result<&'static AccountSetting, Refusal> {
    AccountSetting::of(name).ok_or_else(|| invalid("name", "must be the name of an account setting"))
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
    let setting = find(&request.name)?;
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
    let setting = find(&request.name)?;
    if !setting.values.contains(&request.value.as_str()) {
        let set = setting.values.join(", ");
        return Err(invalid(
            "value",
            &format!("Member must satisfy enum value set: [{set}]"),
        ));
    }
    let answer = json!({"name": setting.name, "value": request.value});
    setting.set(&context.registry, request.value)?;
    Ok(answer)
}
