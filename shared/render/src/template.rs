//! Fills variables in: handlebars, strict, with escaping.

use std::collections::HashMap;
use std::io::{self, Write};
use std::mem;
use std::sync::{Arc, Mutex, PoisonError};

use handlebars::template::{Parameter, Subexpression, TemplateElement};
use handlebars::{
    Context, Handlebars, Helper, HelperDef, RenderContext, RenderError, RenderErrorReason, ScopedJson, Template,
};
use serde_json::{Map, Value};

use crate::{Fault, MAX_HTML, MOST_FAULTS, too_large};

/// The HTML of a template.
///
/// # Errors
/// Every variable that is missing or has nothing to print, as far as that can be told; or what else is wrong with the template.
pub fn fill(template: &str, variables: &Map<String, Value>) -> Result<String, Vec<Fault>> {
    if template.len() > MAX_HTML {
        return Err(vec![too_large()]);
    }
    if !template.contains("{{") {
        return Ok(template.to_owned());
    }
    let found = Found::default();
    let mut registry = registry(template).map_err(|fault| vec![fault])?;
    registry.register_helper(PRINT, Box::new(Print(found.clone())));
    let mut variables = Value::Object(variables.clone());
    loop {
        let mut html = Bounded(Vec::new());
        let rendered = registry.render_to_write(NAME, &variables, &mut html);
        let Err(error) = rendered else {
            let faults = found.take();
            if !faults.is_empty() {
                return Err(faults);
            }
            return String::from_utf8(html.0).map_err(|_| vec![Fault::new("html.template", "The HTML is not UTF-8.")]);
        };
        let fault = fault(&error);
        let missing = fault.variable.clone();
        // What went wrong because something was put in is no fault of the template.
        let new = (missing.is_some() || found.is_empty()) && found.add(fault);
        // What is missing is put in, to see what else is.
        if !new || !missing.is_some_and(|name| put_in(&mut variables, &name)) {
            return Err(found.take());
        }
    }
}

/// Whether a template reads as one.
///
/// # Errors
/// What is wrong with it.
pub fn check(template: &str) -> Result<(), Fault> {
    registry(template).map(drop)
}

/// The name of the one template of a registry.
const NAME: &str = "letter";

fn registry(template: &str) -> Result<Handlebars<'_>, Fault> {
    let mut registry = Handlebars::new();
    registry.set_strict_mode(true);
    // It would write what variables say into a log.
    registry.unregister_helper("log");
    let mut template = Template::compile(template).map_err(|error| {
        let (line, _) = error.pos().unwrap_or((1, 1));
        let message =
            "This is not handlebars: check that every {{ is closed by }}, and every {{#block}} by {{/block}}.";
        Fault::new("html.template", message).at(line as u64)
    })?;
    print_by_helper(&mut template);
    registry.register_template(NAME, template);
    Ok(registry)
}

/// The helper that prints. No template can call it by this name.
const PRINT: &str = "print a value";

/// Has everything that a template prints go through [`Print`], which is told the line, and the name of a helper whose value it is.
fn print_by_helper(template: &mut Template) {
    for (element, place) in template.elements.iter_mut().zip(&template.mapping) {
        match element {
            TemplateElement::Expression(printed) | TemplateElement::HtmlExpression(printed) => {
                let name = mem::replace(&mut printed.name, Parameter::Name(PRINT.to_owned()));
                let helper = name.as_name().unwrap_or("(…)").to_owned();
                let (params, hash) = (mem::take(&mut printed.params), mem::take(&mut printed.hash));
                let value = match name {
                    // A word alone is a variable, whatever helpers there are.
                    Parameter::Path(_) | Parameter::Literal(_) | Parameter::Subexpression(_)
                        if params.is_empty() && hash.is_empty() =>
                    {
                        name
                    }
                    _ => Parameter::Subexpression(Subexpression::new(name, params, hash)),
                };
                let told = [Value::from(place.0), Value::from(helper)].map(Parameter::Literal);
                printed.params = [value].into_iter().chain(told).collect();
                printed.hash = HashMap::new();
            }
            TemplateElement::HelperBlock(block) => {
                [&mut block.template, &mut block.inverse].into_iter().flatten().for_each(print_by_helper);
            }
            TemplateElement::DecoratorBlock(block) | TemplateElement::PartialBlock(block) => {
                block.template.iter_mut().for_each(print_by_helper);
            }
            _ => {}
        }
    }
}

/// Prints a value if there is something in it to print, and notes it down if there is not.
struct Print(Found);

impl HelperDef for Print {
    fn call_inner<'reg: 'rc, 'rc>(
        &self,
        call: &Helper<'rc>,
        _: &'reg Handlebars<'reg>,
        _: &'rc Context,
        _: &mut RenderContext<'reg, 'rc>,
    ) -> Result<ScopedJson<'rc>, RenderError> {
        let [value, line, helper] = [0, 1, 2].map(|at| call.param(at));
        let value = value.ok_or(RenderErrorReason::ParamNotFoundForIndex(PRINT, 0))?;
        let is = match value.value() {
            _ if value.is_value_missing() => None,
            Value::Null => Some("null"),
            Value::Array(_) => Some("a list"),
            Value::Object(_) => Some("an object"),
            printed => return Ok(ScopedJson::Derived(printed.clone())),
        };
        let helper = helper.and_then(|helper| helper.value().as_str()).unwrap_or_default();
        let name = value.relative_path().map_or(helper, String::as_str);
        let fault = match is {
            None => missing(name),
            Some(is) => Fault {
                variable: Some(name.to_owned()),
                ..Fault::new(
                    "html.variable",
                    format!(
                        "{name:?} is printed and is {is}. Print text or a number, or ask with {{{{#if}}}} whether there is one."
                    ),
                )
            },
        };
        self.0.add(match line.and_then(|line| line.value().as_u64()) {
            Some(line) => fault.at(line),
            None => fault,
        });
        Ok(ScopedJson::Derived(Value::from("")))
    }
}

/// What is wrong with the variables, each told once.
#[derive(Clone, Default)]
struct Found(Arc<Mutex<Vec<Fault>>>);

impl Found {
    /// Whether it was new and there was room for it.
    fn add(&self, fault: Fault) -> bool {
        let mut faults = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = faults.iter().any(|known| match (&known.variable, &fault.variable) {
            // What is missing in an object may have made the object.
            (Some(known), Some(name)) => {
                known.strip_prefix(name.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
            }
            _ => *known == fault,
        });
        let new = !known && faults.len() < MOST_FAULTS;
        if new {
            faults.push(fault);
        }
        new
    }

    fn is_empty(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    /// All of them, by where they are.
    fn take(&self) -> Vec<Fault> {
        let mut faults = mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        faults.sort_by_key(|fault| fault.line);
        faults
    }
}

fn fault(error: &RenderError) -> Fault {
    let fault = match error.reason() {
        RenderErrorReason::MissingVariable(Some(name)) => missing(name),
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

fn missing(name: &str) -> Fault {
    Fault {
        variable: Some(name.to_owned()),
        ..Fault::new("html.variable", format!("The variable {name:?} is used and not given."))
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
    fn a_fault_is_told_once() {
        for (template, name) in
            [("{{this.name}}", "this.name"), ("{{ first name }}", "first"), ("{{a}}{{a}} {{a}}", "a")]
        {
            let faults = fill(template, &Map::new()).unwrap_err();
            let named: Vec<_> = faults.iter().map(|fault| fault.variable.as_deref()).collect();
            assert_eq!(named, [Some(name)], "{template}");
        }
    }

    #[test]
    fn what_has_nothing_to_print_is_named_with_its_line_where_it_is_printed() {
        let variables = map(
            json!({ "none": null, "object": { "a": null }, "list": [1, null], "zero": 0, "no": false, "empty": "" }),
        );
        for (template, name) in [
            ("\n{{none}}", "none"),
            ("\n{{{none}}}", "none"),
            ("\n{{object}}", "object"),
            ("\n{{list}}", "list"),
            ("\n{{object.a}}", "object.a"),
            ("\n{{#each list}}{{this}}{{/each}}", "this"),
            ("\n{{#with object}}{{a}}{{/with}}", "a"),
            ("\n{{#if zero}}{{else}}{{none}}{{/if}}", "none"),
            ("\n{{lookup object \"a\"}}", "lookup"),
            ("\n{{#*inline \"part\"}}\n{{/inline}}{{#> part}}{{/part}}{{none}}", "none"),
        ] {
            let faults = fill(template, &variables).unwrap_err();
            assert_eq!(faults.len(), 1, "{template}: {faults:?}");
            assert_eq!((&*faults[0].rule, faults[0].variable.as_deref()), ("html.variable", Some(name)), "{template}");
            assert!(faults[0].line >= Some(2), "{template}");
        }
        let asked = "{{#if none}}x{{/if}}{{#each object}}{{@key}}{{/each}}{{#each list}}{{@index}}{{/each}}{{len list}}{{zero}}{{no}}{{empty}}\
                     {{#with object}}y{{/with}}{{lookup list 0}}{{#unless none}}z{{/unless}}";
        assert_eq!(fill(asked, &variables).unwrap(), "a0120falsey1z");
    }

    #[test]
    fn a_variable_may_have_the_name_of_a_helper() {
        assert_eq!(fill("{{len}} {{{eq}}}", &map(json!({ "len": "<", "eq": "<" }))).unwrap(), "&lt; <");
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
