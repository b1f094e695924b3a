//! What must be right about the parts of a plan that say how records are compared.

use super::document::Document;
use super::{Plan, invalid, wrong};
use crate::error::{Error, Result, nearest};
use crate::schema::Schema;

/// Each blocking rule looks at fields that there are, and is there once.
pub(super) fn blocking(document: &Document, schema: &Schema) -> Result<()> {
    for (position, rule) in document.blocking.iter().enumerate() {
        let path = format!("blocking[{position}]");
        if rule.same.is_empty() {
            let reason = "a blocking rule needs at least one expression that finds its pairs";
            return Err(wrong(&format!("{path}.same"), reason));
        }
        for (place, expression) in rule.same.iter().enumerate() {
            let path = format!("{path}.same[{place}]");
            expression.check(schema).map_err(|error| invalid(&path, &error))?;
        }
        // Reports and models call a rule by what it says.
        let shown = rule.to_string();
        if document.blocking[..position].iter().any(|earlier| earlier.to_string() == shown) {
            return Err(wrong(&path, &format!("rule {shown:?} is there twice")));
        }
    }
    Ok(())
}

/// Each comparison fits the fields, and a pattern of all has a place for it.
pub(super) fn comparisons(document: &Document, schema: &Schema) -> Result<()> {
    let comparisons = &document.comparisons;
    if comparisons.len() > Plan::MOST_COMPARISONS {
        let reason =
            format!("{} comparisons: wanted at most {}", comparisons.len(), Plan::MOST_COMPARISONS);
        return Err(wrong("comparisons", &reason));
    }
    for (position, comparison) in comparisons.iter().enumerate() {
        let path = format!("comparisons[{position}]");
        if comparison.name.trim().is_empty() {
            return Err(wrong(&format!("{path}.name"), "a comparison needs a name"));
        }
        if comparisons[..position].iter().any(|earlier| earlier.name == comparison.name) {
            let reason = format!("comparison {:?} is named twice", comparison.name);
            return Err(wrong(&format!("{path}.name"), &reason));
        }
        comparison.check(schema).map_err(|error| match error {
            Error::InvalidDocument { path: within, reason, suggestion, .. } => {
                Error::InvalidDocument {
                    document: "plan",
                    path: format!("{path}.{within}"),
                    reason,
                    suggestion,
                }
            }
            Error::UnknownField { ref field, .. } => {
                let place = comparison.fields.iter().position(|known| known == field);
                invalid(&format!("{path}.fields[{}]", place.unwrap_or_default()), &error)
            }
            error => invalid(&path, &error),
        })?;
    }
    if !comparisons.is_empty() && document.blocking.is_empty() {
        let reason = "there are comparisons, but no blocking rule that finds pairs to compare";
        return Err(wrong("blocking", reason));
    }
    Ok(())
}

/// Each coincidence names comparisons that there are.
pub(super) fn coincidences(document: &Document) -> Result<()> {
    let coincidences = &document.coincidences;
    for (position, coincidence) in coincidences.iter().enumerate() {
        let path = format!("coincidences[{position}]");
        if coincidence.name.trim().is_empty() {
            return Err(wrong(&format!("{path}.name"), "a coincidence needs a name"));
        }
        if coincidences[..position].iter().any(|earlier| earlier.name == coincidence.name) {
            let reason = format!("coincidence {:?} is named twice", coincidence.name);
            return Err(wrong(&format!("{path}.name"), &reason));
        }
        if coincidence.shares.is_empty() {
            return Err(wrong(&format!("{path}.shares"), "wanted at least one comparison"));
        }
        for (place, name) in coincidence.shares.iter().enumerate() {
            let path = format!("{path}.shares[{place}]");
            let known = || document.comparisons.iter().map(|c| c.name.as_str());
            if !known().any(|known| known == name) {
                return Err(Error::InvalidDocument {
                    document: "plan",
                    path,
                    reason: format!("comparison {name:?} is not in the plan"),
                    suggestion: nearest(name, known()),
                });
            }
            if coincidence.shares[..place].contains(name) {
                return Err(wrong(&path, &format!("comparison {name:?} is shared twice")));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(parts: &str) -> Result<Plan> {
        Plan::from_json(&format!(
            r#"{{"version": 1, "name": "p", "fields": [{{"name": "given", "kind": "given_name"}},
                {{"name": "family", "kind": "family_name"}}, {{"name": "born", "kind": "date"}}],
                {parts}}}"#
        ))
    }

    const COMPARISON: &str = r#"{"name": "born", "fields": ["born"], "levels": [
        {"label": "same", "when": {"same": {"form": "canonical"}}}]}"#;

    #[test]
    fn what_is_wrong_about_comparing_is_named_with_its_place() {
        let blocking = r#""blocking": [{"same": ["born"]}]"#;
        let many: Vec<String> = (0..17)
            .map(|at| COMPARISON.replace(r#""name": "born""#, &format!(r#""name": "{at}""#)))
            .collect();
        for (parts, wanted) in [
            (r#""blocking": [{"same": []}]"#.to_owned(), "blocking[0].same"),
            (r#""blocking": [{"same": ["born", "famly"]}]"#.to_owned(), "blocking[0].same[1]"),
            (r#""blocking": [{"same": ["born"]}, {"same": ["born"]}]"#.to_owned(), "blocking[1]"),
            (format!(r#""comparisons": [{COMPARISON}]"#), "no blocking rule"),
            (
                format!(r#"{blocking}, "comparisons": [{COMPARISON}, {COMPARISON}]"#),
                "comparisons[1].name",
            ),
            (format!(r#"{blocking}, "comparisons": [{}]"#, many.join(",")), "at most 16"),
            (
                format!(
                    r#"{blocking}, "comparisons": [{}]"#,
                    COMPARISON.replace(r#"["born"]"#, r#"["bron"]"#)
                ),
                "comparisons[0].fields[0]",
            ),
            (
                format!(
                    r#"{blocking}, "comparisons": [{}]"#,
                    COMPARISON.replace(r#"{"same": {"form": "canonical"}}"#, r#""nickname""#)
                ),
                "comparisons[0].levels[0].when",
            ),
            (
                format!(
                    r#"{blocking}, "comparisons": [{COMPARISON}], "coincidences": [{{"name": "x", "shares": ["bron"]}}]"#
                ),
                r#"did you mean "born""#,
            ),
            (
                format!(
                    r#"{blocking}, "comparisons": [{COMPARISON}], "coincidences": [{{"name": "x", "shares": []}}]"#
                ),
                "coincidences[0].shares",
            ),
            (
                format!(
                    r#"{blocking}, "comparisons": [{COMPARISON}], "coincidences": [{{"name": "x", "shares": ["born", "born"]}}]"#
                ),
                "coincidences[0].shares[1]",
            ),
            (
                format!(
                    r#"{blocking}, "comparisons": [{COMPARISON}], "coincidences": [{{"name": "x", "shares": ["born"]}}, {{"name": "x", "shares": ["born"]}}]"#
                ),
                "coincidences[1].name",
            ),
        ] {
            let error = plan(&parts).unwrap_err();
            assert!(error.to_string().contains(wanted), "wanted {wanted}: {error}");
        }
        let whole = plan(&format!(
            r#"{blocking}, "comparisons": [{COMPARISON}], "coincidences": [{{"name": "x", "shares": ["born"]}}]"#
        ));
        let whole = whole.unwrap();
        assert_eq!(Plan::from_json(&whole.to_json()).unwrap(), whole);
    }
}
