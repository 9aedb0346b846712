//! Policy documents as Terraform data sources.
//!
//! Source: Terraform language, "Strings and templates"; AWS provider, `aws_iam_policy_document`.

use std::fmt::Write as _;

use super::policy::{PolicyDocument, Statement};

/// Returns a text as one string of Terraform's language, in which nothing is evaluated.
pub fn terraform_string(text: &str) -> String {
    let mut quoted = String::from("\"");
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            // `${` and `%{` begin templates.
            '$' | '%' if characters.peek() == Some(&'{') => {
                quoted.push(character);
                quoted.push(character);
            }
            character if character.is_control() => {
                write!(quoted, "\\u{:04x}", u32::from(character)).ok();
            }
            character => quoted.push(character),
        }
    }
    quoted.push('"');
    quoted
}

/// Returns the document as the data source `aws_iam_policy_document` of this name.
pub fn terraform_document(name: &str, document: &PolicyDocument) -> String {
    let statements: Vec<String> = document.statements.iter().map(statement).collect();
    format!(
        "data \"aws_iam_policy_document\" {} {{\n{}}}\n",
        terraform_string(name),
        statements.join("\n")
    )
}

fn statement(statement: &Statement) -> String {
    let mut text = format!("  statement {{\n    sid = {}\n", terraform_string(statement.sid));
    text.push_str(&list("    ", "actions", &statement.actions));
    if !statement.resources.is_empty() {
        text.push_str(&list("    ", "resources", &statement.resources));
    }
    if let Some(principal) = &statement.principal {
        let identifiers = [principal.federated.clone()];
        write!(
            text,
            "    principals {{\n      type = \"Federated\"\n{}    }}\n",
            list("      ", "identifiers", &identifiers)
        )
        .ok();
    }
    for (operator, keys) in &statement.conditions {
        for (key, values) in keys {
            write!(
                text,
                "    condition {{\n      test     = {}\n      variable = {}\n{}    }}\n",
                terraform_string(operator),
                terraform_string(key),
                list("      ", "values", values)
            )
            .ok();
        }
    }
    text.push_str("  }\n");
    text
}

fn list(indent: &str, name: &str, values: &[String]) -> String {
    let values: Vec<String> = values
        .iter()
        .map(|value| format!("{indent}  {},\n", terraform_string(value)))
        .collect();
    format!("{indent}{name} = [\n{}{indent}]\n", values.concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    // Terraform language, "Strings and templates", "Escape sequences".
    #[test]
    fn nothing_in_a_string_is_evaluated() {
        for (text, string) in [
            ("plain", r#""plain""#),
            ("a\"b\\c\nd", r#""a\"b\\c\nd""#),
            ("${var.x} $x %{if} 5%", r#""$${var.x} $x %%{if} 5%""#),
            ("$${x}", r#""$$${x}""#),
            ("\u{1b}", r#""\u001b""#),
        ] {
            assert_eq!(terraform_string(text), string);
        }
    }
}
