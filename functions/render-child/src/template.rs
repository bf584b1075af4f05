//! Fills variables in: handlebars, strict, with escaping.

use std::io::{self, Write};

use handlebars::{Handlebars, RenderError, RenderErrorReason};
use render::{Fault, MAX_HTML, MOST_FAULTS, too_large};
use serde_json::{Map, Value};

/// The HTML of a template.
///
/// # Errors
/// Every variable that is missing, as far as that can be told; or what else is wrong with the template.
pub(crate) fn fill(template: &str, variables: &Map<String, Value>) -> Result<String, Vec<Fault>> {
    if template.len() > MAX_HTML {
        return Err(vec![too_large()]);
    }
    if !template.contains("{{") {
        return Ok(template.to_owned());
    }
    let registry = registry(template).map_err(|fault| vec![fault])?;
    let mut variables = Value::Object(variables.clone());
    let mut faults: Vec<Fault> = Vec::new();
    loop {
        let mut html = Bounded(Vec::new());
        let Err(error) = registry.render_to_write(NAME, &variables, &mut html) else {
            if !faults.is_empty() {
                return Err(faults);
            }
            return String::from_utf8(html.0).map_err(|_| vec![Fault::new("html.template", "The HTML is not UTF-8.")]);
        };
        let fault = fault(&error);
        // What is missing is put in, to see what else is.
        let goes_on = fault.variable.as_ref().is_some_and(|name| {
            let new = !faults.iter().any(|known| known.variable.as_ref() == Some(name));
            new && faults.len() < MOST_FAULTS && put_in(&mut variables, name)
        });
        // What went wrong because something was put in is no fault of the template.
        if faults.is_empty() || fault.variable.is_some() {
            faults.push(fault);
        }
        if !goes_on {
            return Err(faults);
        }
    }
}

/// Whether a template reads as one.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn check(template: &str) -> Result<(), Fault> {
    registry(template).map(drop)
}

/// The name of the one template of a registry.
const NAME: &str = "letter";

fn registry(template: &str) -> Result<Handlebars<'_>, Fault> {
    let mut registry = Handlebars::new();
    registry.set_strict_mode(true);
    // It would write what variables say into a log.
    registry.unregister_helper("log");
    if let Err(error) = registry.register_template_string(NAME, template) {
        let (line, _) = error.pos().unwrap_or((1, 1));
        let message =
            "This is not handlebars: check that every {{ is closed by }}, and every {{#block}} by {{/block}}.";
        return Err(Fault::new("html.template", message).at(line as u64));
    }
    Ok(registry)
}

fn fault(error: &RenderError) -> Fault {
    let fault = match error.reason() {
        RenderErrorReason::MissingVariable(Some(name)) => Fault {
            variable: Some(name.clone()),
            ..Fault::new("html.variable", format!("The variable {name:?} is used and not given."))
        },
        RenderErrorReason::MissingVariable(None) => Fault::new("html.variable", "A variable is used and not given."),
        RenderErrorReason::HelperNotFound(name) => Fault {
            variable: Some(name.clone()),
            ..Fault::new("html.variable", format!("{name:?} is neither a variable that is given nor a helper."))
        },
        RenderErrorReason::PartialNotFound(name) => {
            Fault::new("html.template", format!("There is no partial {name:?}: write its HTML in its place."))
        }
        RenderErrorReason::IOError(_) => too_large(),
        _ => Fault::new(
            "html.template",
            "A helper is used in a way that it does not understand: check what it is given.",
        ),
    };
    match error.line_no {
        Some(line) => fault.at(line as u64),
        None => fault,
    }
}

/// Gives a variable that is missing an empty value, if its name is a plain path.
fn put_in(variables: &mut Value, name: &str) -> bool {
    let mut at = variables;
    for part in name.split('.') {
        if part.is_empty() || !part.chars().all(|char| char.is_alphanumeric() || char == '_' || char == '-') {
            return false;
        }
        let Value::Object(map) = at else { return false };
        at = map.entry(part).or_insert_with(|| Value::Object(Map::new()));
    }
    true
}

/// What takes no more than the most HTML that is rendered.
struct Bounded(Vec<u8>);

impl Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len() + bytes.len() > MAX_HTML {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn map(value: Value) -> Map<String, Value> {
        value.as_object().cloned().unwrap_or_default()
    }

    #[test]
    fn html_without_variables_is_left_alone() {
        assert_eq!(fill("<p>{ a } \\</p>", &Map::new()).unwrap(), "<p>{ a } \\</p>");
    }

    #[test]
    fn what_is_missing_in_an_entry_of_a_list_is_told_once() {
        let faults =
            fill("{{#each rows}}{{this.a}}{{/each}}", &map(json!({ "rows": [{ "a": 1 }, {}, {}] }))).unwrap_err();
        assert_eq!((faults.len(), faults[0].variable.as_deref()), (1, Some("this.a")));
    }

    #[test]
    fn nothing_is_logged_and_no_file_is_read() {
        assert!(fill("{{log name}}", &map(json!({ "name": "Jane" }))).is_err());
        assert!(fill("{{> /etc/passwd}}", &Map::new()).is_err());
    }

    proptest! {
        #[test]
        fn values_come_out_as_text_whatever_they_are(value in ".{0,40}") {
            let html = fill("<p>{{value}}</p>", &map(json!({ "value": value }))).unwrap();
            let inner = html.strip_prefix("<p>").and_then(|rest| rest.strip_suffix("</p>")).unwrap();
            prop_assert!(!inner.contains(['<', '>', '"']), "{}", inner);
            let text = inner.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&#x27;", "'");
            let text = text.replace("&#x60;", "`").replace("&#x3D;", "=").replace("&amp;", "&");
            prop_assert_eq!(text, value);
        }

        #[test]
        fn a_template_is_filled_in_or_refused_whatever_it_is(template in "[a-z{}#/\\[\\] .>&~^!@\"|=-]{0,60}") {
            match fill(&template, &map(json!({ "a": "b", "c": ["d"] }))) {
                Ok(html) => prop_assert!(html.len() <= MAX_HTML),
                Err(faults) => prop_assert!(!faults.is_empty() && faults.iter().all(|fault| !fault.message.is_empty())),
            }
        }

        #[test]
        fn exactly_the_variables_that_are_missing_are_named(given in proptest::collection::vec(any::<bool>(), 1..12)) {
            let names: Vec<String> = (0..given.len()).map(|n| format!("name_{n}")).collect();
            let template: String = names.iter().map(|name| format!("{{{{{name}}}}} ")).collect();
            let variables = names.iter().zip(&given).filter(|(_, given)| **given);
            let variables = variables.map(|(name, _)| (name.clone(), json!("x"))).collect();
            let missing: Vec<_> = names.iter().zip(&given).filter(|(_, given)| !**given).map(|(name, _)| name.clone()).collect();
            let told = fill(&template, &variables).err().unwrap_or_default();
            let told: Vec<_> = told.into_iter().filter_map(|fault| fault.variable).collect();
            prop_assert_eq!(told, missing);
        }
    }
}
