//! `PUT /v2/templates/{templateId}`: a new version of a template. Those before it stay as they were.

use domain::template::{Template, TemplateVersion};
use edge::{Call, Problem, Reply};

use super::wire::{TemplateOut, checked, read};
use crate::App;

/// Answers the request: the template as it is then. What is already so makes no version, so that a PUT that is sent again
/// makes one, also with the `If-Match` that it had at first.
///
/// # Errors
/// 400, 404, 409 when others keep changing it, 412 when it is not as the caller saw it, and 422.
pub async fn handle(app: &App, call: Call) -> Result<Reply, Problem> {
    /// As often as a template is read again that somebody else has just changed.
    const TRIES: u32 = 5;
    let id = super::named(app, &call).await?.id;
    let seen = call.header("if-match").map(Seen::parse).transpose()?.unwrap_or(Seen::Any);
    let given = checked(app, read(&call.body)?).await?;
    let account = &call.caller()?.account;
    let sha256 = app.store.keep_html(account, &id, &given.html).await?;
    for _ in 0..TRIES {
        let template = match super::named(app, &call).await {
            // Whoever deleted it meanwhile may not have seen this HTML.
            Err(problem) if problem.status() == 404 => {
                app.store.drop_html(account, &id, &sha256).await?;
                return Err(problem);
            }
            template => template?,
        };
        let latest = app.store.template_version(&template.id, template.version).await?;
        let latest = latest.ok_or_else(|| Problem::not_found("template"))?;
        let version = TemplateVersion {
            version: template.version + 1,
            sha256: sha256.clone(),
            bytes: given.html.len() as u64,
            page_size: given.page.name().to_owned(),
            created_at: call.now,
        };
        let same =
            latest.sha256 == version.sha256 && latest.page_size == version.page_size && template.name == given.name;
        if same {
            return reply(&template, &latest);
        }
        if !seen.is(&template) {
            let message = format!(
                "The template was changed since: its latest version is {}. Look at it, then send the change with the ETag that it \
                 has now.",
                template.version
            );
            return Err(Problem::new(412, "template.changed", message));
        }
        if app.store.add_version(&template, &given.name, &version).await? {
            let template = Template { name: given.name, version: version.version, ..template };
            return reply(&template, &version);
        }
    }
    Err(Problem::new(409, "template.changing", "Others change this template now. Look at it, then try again."))
}

fn reply(template: &Template, version: &TemplateVersion) -> Result<Reply, Problem> {
    Ok(Reply::json(200, &TemplateOut::new(template, version))?.header("etag", super::tag(template.version)))
}

/// As what the caller has seen the template (RFC 9110, section 13.1.1).
#[derive(Debug, PartialEq)]
enum Seen<'a> {
    /// Whatever it is.
    Any,
    /// As one of these tags says.
    Tagged(Vec<&'a str>),
}

impl<'a> Seen<'a> {
    fn parse(header: &'a str) -> Result<Self, Problem> {
        if header.trim() == "*" {
            return Ok(Seen::Any);
        }
        let tags: Vec<&str> = header.split(',').map(str::trim).collect();
        let is_tag = |tag: &&str| {
            let quoted = tag.strip_prefix("W/").unwrap_or(tag);
            quoted.len() > 1 && quoted.starts_with('"') && quoted.ends_with('"')
        };
        if tags.iter().all(is_tag) {
            Ok(Seen::Tagged(tags))
        } else {
            let message = "If-Match is no ETag: send that of the template as it came, with its quotes.";
            Err(Problem::new(400, "if_match.invalid", message))
        }
    }

    /// Whether the template still is so. A weak tag is never that of one.
    fn is(&self, template: &Template) -> bool {
        match self {
            Seen::Any => true,
            Seen::Tagged(tags) => tags.contains(&super::tag(template.version).as_str()),
        }
    }
}

#[cfg(test)]
mod tests {
    use domain::account::Mode;
    use domain::id::{AccountId, TemplateId};
    use jiff::Timestamp;

    use super::*;

    #[test]
    fn a_template_is_as_it_was_seen_while_one_of_the_tags_is_its_own() {
        let template = Template {
            id: TemplateId::new(Timestamp::UNIX_EPOCH, [0; 10]),
            account: AccountId::new(Timestamp::UNIX_EPOCH, [0; 10]),
            mode: Mode::Live,
            name: "Reminder".to_owned(),
            version: 3,
            created_at: Timestamp::UNIX_EPOCH,
            deleted_at: None,
        };
        for (header, is) in [
            ("*", true),
            (" \"3\" ", true),
            ("\"2\", \"3\"", true),
            ("\"2\"", false),
            ("\"33\"", false),
            ("W/\"3\"", false),
            ("\"\"", false),
        ] {
            assert_eq!(Seen::parse(header).unwrap().is(&template), is, "{header}");
        }
    }

    #[test]
    fn what_is_no_tag_is_refused_and_not_taken_for_another() {
        for header in ["3", "", "\"", "\"3", "\"3\",", "3, \"3\"", "*, \"3\"", "W/3"] {
            assert_eq!(Seen::parse(header).unwrap_err().status(), 400, "{header}");
        }
    }
}
