//! Files of cases as libraries write them: what is not a number in JSON (`NaN`, `Infinity`, 1e999)
//! costs the case that holds it, not the file.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::Value as Json;

use super::Case;

/// A file of cases.
#[derive(Debug, Deserialize)]
pub struct CaseFile {
    pub cases: Vec<Json>,
}

impl CaseFile {
    /// Reads a file of cases; numbers that JSON has no word for become texts.
    ///
    /// # Errors
    /// When it is not JSON, or holds no list `cases` or an empty one.
    pub fn parse(text: &str) -> Result<Self, String> {
        let file: Self = serde_json::from_str(&quoted(text)).map_err(|error| error.to_string())?;
        if file.cases.is_empty() {
            return Err("`cases` is empty: expected at least one case".to_owned());
        }
        Ok(file)
    }
}

impl Case {
    /// A case of a loss from its JSON.
    ///
    /// # Errors
    /// Naming the key that is missing or holds something else than it should.
    pub fn read(json: Json) -> Result<Self, String> {
        for key in ["logits", "grad", "labels"] {
            let numbers = json[key].as_array().into_iter().flatten();
            if let Some((at, bad)) = numbers.enumerate().find(|(_, item)| !item.is_number()) {
                return Err(format!(
                    "`{key}` holds {bad} at place {at}: expected finite numbers"
                ));
            }
        }
        if let Some(bad) = json.get("loss").filter(|loss| !loss.is_number()) {
            return Err(format!("`loss` = {bad}: expected a finite number"));
        }
        let four = json["shape"]
            .as_array()
            .is_some_and(|shape| shape.len() == 4 && shape.iter().all(serde_json::Value::is_u64));
        if !four {
            return Err(format!(
                "`shape` = {}: expected images, classes, height and width",
                json["shape"]
            ));
        }
        serde_json::from_value(json).map_err(|error| error.to_string())
    }
}

/// The text with quotes around the numbers that JSON can't hold.
fn quoted(text: &str) -> Cow<'_, str> {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte);
    let bytes = text.as_bytes();
    let (mut result, mut copied, mut at) = (String::new(), 0, 0);
    while at < bytes.len() {
        if bytes[at] == b'"' {
            at += 1;
            while at < bytes.len() && bytes[at] != b'"' {
                at += 1 + usize::from(bytes[at] == b'\\');
            }
            at += 1;
        } else if is_part(bytes[at]) {
            let end = (bytes[at..].iter()).position(|byte| !is_part(*byte));
            let end = end.map_or(bytes.len(), |length| at + length);
            let token = &text[at..end];
            if token.parse::<f64>().is_ok_and(|number| !number.is_finite()) {
                result.push_str(&text[copied..at]);
                result.push('"');
                result.push_str(token);
                result.push('"');
                copied = end;
            }
            at = end;
        } else {
            at += 1;
        }
    }
    match copied {
        0 => Cow::Borrowed(text),
        _ => Cow::Owned(result + &text[copied..]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_number_in_json_becomes_a_text() {
        for (text, expected) in [
            ("[1, NaN, -Infinity]", r#"[1, "NaN", "-Infinity"]"#),
            (
                r#"{"NaN": "a \" NaN", "x":1e999}"#,
                r#"{"NaN": "a \" NaN", "x":"1e999"}"#,
            ),
            ("[-1.5e-3, true, null]", "[-1.5e-3, true, null]"),
            (r#"["ä", Infinity"#, r#"["ä", "Infinity""#),
            (r#""open"#, r#""open"#),
        ] {
            assert_eq!(quoted(text), expected);
        }
    }

    #[test]
    fn a_case_names_the_place_of_what_is_no_number() {
        let file = r#"{"cases": [{"id": "a", "logits": [0.5, NaN]}, {"id": "b", "loss": null}]}"#;
        let errors: Vec<String> = (CaseFile::parse(file).unwrap().cases.into_iter())
            .map(|case| Case::read(case).unwrap_err())
            .collect();
        assert_eq!(
            errors,
            [
                "`logits` holds \"NaN\" at place 1: expected finite numbers",
                "`loss` = null: expected a finite number"
            ]
        );
    }
}
