//! What letters and postcards are made of: HTML, templates and uploaded documents, rendered before the answer or when they are
//! inspected, for one recipient or for many, and looked at before there are any.
//!
//! It needs an AWS emulator at `AWS_ENDPOINT_URL` (`make up` starts one).

use std::collections::BTreeSet;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tests::harness::Result;
use tests::harness::emulator::Emulator;
use tests::harness::floor::{Floor, Request};
use tests::harness::house::House;
use tests::harness::singles::{
    all, ask, audit, body, card, card_body, create, create_card, many, of, of_card, preflight,
};

async fn floor() -> Result<Floor> {
    Ok(Floor::open(House::build(&Emulator::find().await?, 2).await?))
}

/// A letter with that content.
fn letter(house: &House, content: Value) -> Value {
    let mut wanted = body(house, "reportlab.pdf");
    wanted["content"] = content;
    wanted
}

/// Creates a letter with that content and has it inspected. Answers it as it is then.
async fn sent(floor: &mut Floor, content: Value) -> Result<Value> {
    let wanted = letter(&floor.house, content);
    let created = ask(floor, &create(wanted, None), 201).await?;
    inspected(floor, created["id"].as_str().unwrap_or_default()).await
}

async fn inspected(floor: &mut Floor, id: &str) -> Result<Value> {
    floor.drain(None).await?;
    ask(floor, &of("singles.get", id, None), 200).await
}

/// The place and the rule of each fault that a content has.
async fn faults(floor: &mut Floor, content: Value) -> Result<Vec<(String, String)>> {
    let wanted = letter(&floor.house, content);
    let refused = ask(floor, &create(wanted, None), 422).await?;
    Ok(listed(&refused))
}

fn listed(refused: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let errors = refused["errors"].as_array().into_iter().flatten();
    errors.map(|error| (text(&error["pointer"]), text(&error["rule"]))).collect()
}

fn fault(pointer: &str, rule: &str) -> Vec<(String, String)> {
    vec![(pointer.to_owned(), rule.to_owned())]
}

fn template(body: Value) -> Request {
    let (operation, method, path) = ("templates.create", "POST", "/v2/templates");
    Request { operation, method, path, parameters: Vec::new(), body: Some(body), key: None }
}

fn hash(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Announces a document and puts those bytes where its client would upload them. Answers its id.
async fn upload(floor: &mut Floor, kind: &str, declared: &[u8], bytes: Option<&[u8]>) -> Result<String> {
    let (operation, method, path) = ("documents.create", "POST", "/v2/documents");
    let body = json!({ "contentType": kind, "bytes": declared.len(), "sha256": hash(declared) });
    let announce = Request { operation, method, path, parameters: Vec::new(), body: Some(body), key: None };
    let id = ask(floor, &announce, 201).await?["id"].as_str().unwrap_or_default().to_owned();
    if let Some(bytes) = bytes {
        let key = format!("uploads/{}/{id}", floor.house.account);
        let put = floor.house.emulator.s3.put_object().bucket(&floor.house.documents).key(key);
        put.body(bytes.to_vec().into()).send().await?;
    }
    Ok(id)
}

/// A PNG of one dot.
fn dot() -> Result<Vec<u8>> {
    let mut png = Vec::new();
    let mut writer = png::Encoder::new(&mut png, 1, 1).write_header()?;
    writer.write_image_data(&[0])?;
    writer.finish()?;
    Ok(png)
}

#[tokio::test]
async fn html_is_a_letter_that_says_what_it_was_filled_in_with() -> Result<()> {
    let mut floor = floor().await?;
    let rows = json!([{ "for": "Paper", "amount": 12.5 }, { "for": "Ink", "amount": "3.50" }]);
    let html = "<p>Dear {{name}},</p><table>{{#each rows}}<tr><td>{{for}}<td>{{amount}}{{/each}}</table>";
    let variables = json!({ "name": "Jane & Co. <b>", "rows": rows });
    let shown = sent(&mut floor, json!({ "html": html, "variables": variables })).await?;
    assert_eq!((&shown["status"], &shown["impressionCount"]), (&json!("ready"), &json!(1)), "{shown}");
    let told = json!([{ "name": "name", "value": "Jane & Co. <b>" }, { "name": "rows", "value": rows }]);
    assert_eq!(shown["variables"], told);
    let made = shown["content"]["html"]["sha256"].as_str().unwrap_or_default().to_owned();
    let copy = floor.house.object(&floor.house.documents, &format!("documents/{}/{made}", floor.house.account)).await?;
    assert_eq!((hash(&copy), copy.starts_with(b"%PDF-")), (made.clone(), true));

    // What was read can be written: the same list makes the same letter.
    let again = sent(&mut floor, json!({ "html": html, "variables": told })).await?;
    assert_eq!(again["content"]["html"]["sha256"], json!(made));
    let legal = sent(&mut floor, json!({ "html": "<p>Legal", "pageSize": "Legal" })).await?;
    assert_eq!((&legal["status"], &legal["variables"]), (&json!("ready"), &Value::Null));
    audit(&floor.house).await?;
    floor.house.take_down().await
}

#[tokio::test]
async fn what_stands_in_the_way_of_a_letter_is_told_at_its_place_before_there_is_one() -> Result<()> {
    let mut floor = floor().await?;
    let missing = json!({ "html": "{{name}}\n{{due.date}}", "variables": { "due": {} } });
    let expected = [("/content/variables/name", "html.variable"), ("/content/variables/due/date", "html.variable")];
    let expected: Vec<(String, String)> = expected.map(|(pointer, rule)| (pointer.to_owned(), rule.to_owned())).into();
    assert_eq!(faults(&mut floor, missing).await?, expected);
    let card = ask(&mut floor, &template(json!({ "name": "Card", "html": "<p>x", "pageSize": "4x6" })), 201).await?;
    let one = ask(&mut floor, &template(json!({ "name": "One", "html": "<p>{{a}}" })), 201).await?;
    let (waiting, wrong) = (
        upload(&mut floor, "application/pdf", b"%PDF-1.7 one", None).await?,
        upload(&mut floor, "application/pdf", b"%PDF-1.7 two", Some(b"%PDF-1.7 three")).await?,
    );
    let none = upload(&mut floor, "application/pdf", b"no PDF", Some(b"no PDF")).await?;
    let png = b"\x89PNG\r\n\x1a\n";
    let image = upload(&mut floor, "image/png", png, Some(png)).await?;
    let pages = "<p style='break-after: page'>x</p>".repeat(160);
    for (content, pointer, rule) in [
        (json!({}), "/content", "content.kind"),
        (json!({ "html": "<p>x", "templateId": "tpl_0" }), "/content", "content.kind"),
        (json!({ "html": 3 }), "/content/html", "type"),
        (json!({ "html": " " }), "/content/html", "length"),
        (json!({ "html": "<p>{{#if a}}" }), "/content/html", "html.template"),
        (json!({ "html": "<script>a</script>" }), "/content/html", "html.element"),
        (json!({ "html": pages }), "/content/html", "html.pages"),
        (json!({ "html": "<p style='text-transform: uppercase'>x" }), "/content/html", "html.unsupported"),
        (json!({ "html": "<p>x", "version": 1 }), "/content/version", "content.unused"),
        (json!({ "html": "<p>x", "pageSize": "4x6" }), "/content/pageSize", "enum"),
        (json!({ "html": "<p>x", "variables": "a" }), "/content/variables", "type"),
        (json!({ "html": "<p>x", "variables": { "a": "x".repeat(250_001) } }), "/content/variables", "too_large"),
        (json!({ "templateId": "tpl_01KB2X4WQ8ZJ5T6V7R8S9A0B" }), "/content/templateId", "template.unknown"),
        (json!({ "templateId": "letter" }), "/content/templateId", "template.unknown"),
        (json!({ "templateId": one["id"], "version": 2 }), "/content/version", "template.version"),
        (json!({ "templateId": one["id"], "version": 0 }), "/content/version", "range"),
        (json!({ "templateId": one["id"], "pageSize": "A4" }), "/content/pageSize", "content.unused"),
        (json!({ "templateId": one["id"] }), "/content/variables/a", "html.variable"),
        (json!({ "templateId": card["id"] }), "/content/templateId", "template.page"),
        (json!({ "documentId": "doc_01KB2X4WQ8ZJ5T6V7R8S9A0B" }), "/content/documentId", "document.unknown"),
        (json!({ "documentId": "1" }), "/content/documentId", "document.unknown"),
        (json!({ "documentId": waiting }), "/content/documentId", "document.waiting"),
        (json!({ "documentId": wrong }), "/content/documentId", "document.waiting"),
        (json!({ "documentId": none }), "/content/documentId", "document.refused"),
        (json!({ "documentId": image }), "/content/documentId", "document.type"),
        (json!({ "documentId": image, "variables": {} }), "/content/variables", "content.unused"),
    ] {
        assert_eq!(faults(&mut floor, content.clone()).await?, fault(pointer, rule), "{content}");
    }
    assert_eq!(all(&floor.house).await?.len(), 0);
    let kept = floor.house.keys(&floor.house.documents, "incoming/").await?;
    assert_eq!(kept, Vec::<String>::new(), "what is refused is not kept");
    floor.house.take_down().await
}

#[tokio::test]
async fn variables_may_stand_where_a_letter_shows_them_and_nothing_is_passed_over() -> Result<()> {
    let mut floor = floor().await?;
    let mut wanted = letter(&floor.house, json!({ "html": "<p>{{name}}{{#if amount}} owes {{amount}}{{/if}}" }));
    wanted["variables"] = json!([{ "name": "amount", "value": "$5" }, { "name": "name", "value": "Jane" }]);
    let created = ask(&mut floor, &create(wanted.clone(), None), 201).await?;
    assert_eq!(created["variables"], wanted["variables"]);
    let id = created["id"].as_str().unwrap_or_default();
    let alone = json!({ "variables": { "name": "Joe" } });
    let refused = ask(&mut floor, &of("singles.update", id, Some(alone)), 422).await?;
    assert_eq!(listed(&refused), fault("/content", "required"));
    let changed = json!({ "content": { "html": "<p>{{name}}" }, "variables": { "name": "Joe" } });
    let changed = ask(&mut floor, &of("singles.update", id, Some(changed)), 200).await?;
    assert_eq!(changed["variables"], json!([{ "name": "name", "value": "Joe" }]));

    wanted["variables"] = json!({ "amount": "$5" });
    let refused = ask(&mut floor, &create(wanted.clone(), None), 422).await?;
    assert_eq!(listed(&refused), fault("/variables/name", "html.variable"));
    wanted["content"]["variables"] = json!({ "name": "Jane" });
    let refused = ask(&mut floor, &create(wanted.clone(), None), 422).await?;
    assert_eq!(listed(&refused), fault("/variables", "variables.both"));
    let mut of_file = body(&floor.house, "reportlab.pdf");
    of_file["variables"] = json!({ "amount": "$5" });
    let refused = ask(&mut floor, &create(of_file, None), 422).await?;
    assert_eq!(listed(&refused), fault("/variables", "content.unused"));

    let mut misspelt = body(&floor.house, "reportlab.pdf");
    (misspelt["sendDat"], misspelt["options"]) = (json!("2027-01-05"), json!({ "colour": true, "color": true }));
    misspelt["recipient"]["address"]["zip"] = json!("70112");
    let expected: Vec<_> = ["/options/colour", "/recipient/address/zip", "/sendDat"]
        .map(|pointer| (pointer.to_owned(), "unknown".to_owned()))
        .into();
    let mut told = listed(&ask(&mut floor, &create(misspelt.clone(), None), 422).await?);
    told.sort();
    assert_eq!(told, expected);
    let seen = ask(&mut floor, &preflight(json!({ "letter": misspelt }), None), 200).await?;
    assert_eq!((seen["acceptable"].clone(), seen["errors"].as_array().map(Vec::len)), (json!(false), Some(3)));
    let refused = ask(&mut floor, &of("singles.update", id, Some(json!({ "descripton": "x" }))), 422).await?;
    assert_eq!(listed(&refused), fault("/descripton", "unknown"));
    floor.house.take_down().await
}

#[tokio::test]
async fn what_takes_much_room_when_it_is_told_is_told_again_for_its_key() -> Result<()> {
    let mut floor = floor().await?;
    let variables: serde_json::Map<String, Value> = (0..19_000).map(|n| (format!("a{n}"), json!(1))).collect();
    let wanted = letter(&floor.house, json!({ "html": "<p>{{a7}}", "variables": variables }));
    let request = create(wanted, Some("many-variables".to_owned()));
    let created = ask(&mut floor, &request, 201).await?;
    assert!(created.to_string().len() > 400_000, "it would fit as it is");
    assert_eq!(ask(&mut floor, &request, 201).await?, created);
    // Other content is looked at with its own variables, not with those that it replaces.
    let change = json!({ "content": { "html": "<p>y" }, "description": "x".repeat(90_000) });
    let id = created["id"].as_str().unwrap_or_default();
    let changed = ask(&mut floor, &of("singles.update", id, Some(change)), 200).await?;
    assert_eq!(changed["variables"], Value::Null);
    floor.house.take_down().await
}

#[tokio::test]
async fn html_is_looked_at_as_it_will_be_mailed_before_there_is_a_letter() -> Result<()> {
    let mut floor = floor().await?;
    let mut wanted = letter(&floor.house, json!({ "html": "<p>Dear Jane,</p>" }));
    wanted["options"] = json!({ "placement": "firstPage" });
    let refused = ask(&mut floor, &create(wanted.clone(), None), 422).await?;
    assert!(!listed(&refused).is_empty());
    for (pointer, rule) in listed(&refused) {
        assert_eq!((pointer.as_str(), rule.as_str()), ("/content/html", "document.refused"), "{refused}");
    }
    wanted["content"] = json!({ "html": "<p style='margin-top: 4in'>Dear Jane,</p>" });
    let created = ask(&mut floor, &create(wanted.clone(), None), 201).await?;
    let shown = inspected(&mut floor, created["id"].as_str().unwrap_or_default()).await?;
    assert_eq!(shown["status"], "ready", "{shown}");
    wanted["content"] = json!({ "html": "<p style='break-after: page'>x</p>".repeat(100) });
    wanted["options"] = json!({ "sides": "simplex" });
    let refused = ask(&mut floor, &create(wanted.clone(), None), 422).await?;
    assert_eq!(listed(&refused), fault("/content/html", "document.refused"));
    floor.house.take_down().await
}

#[tokio::test]
async fn an_image_may_be_named_anywhere_in_the_variables_and_a_pdf_is_not_looked_at_for_one() -> Result<()> {
    let mut floor = floor().await?;
    let png = dot()?;
    let image = upload(&mut floor, "image/png", &png, Some(&png)).await?;
    let pdf = upload(&mut floor, "application/pdf", b"%PDF-1.7 one", Some(b"%PDF-1.7 one")).await?;
    let html =
        "{{#each rows}}<img src=\"{{img}}\" width=40>{{/each}}<img src=\"{{sender.logo}}\" width=40><p>{{note}}</p>";
    let variables = json!({ "rows": [{ "img": image }], "sender": { "logo": image }, "note": pdf });
    let shown = sent(&mut floor, json!({ "html": html, "variables": variables })).await?;
    assert_eq!(shown["status"], "ready", "{shown}");
    let kept = floor.house.item(&format!("DOCUMENT#{pdf}"), "DOCUMENT").await?;
    let state = kept.as_ref().and_then(|item| Some(item.get("state")?.as_str()?.to_owned()));
    assert_eq!(state.as_deref(), Some("waiting"), "nobody asked for the PDF: {kept:?}");
    floor.house.take_down().await
}

#[tokio::test]
async fn a_letter_stays_as_the_version_of_the_template_that_it_was_made_of() -> Result<()> {
    let mut floor = floor().await?;
    let made = ask(&mut floor, &template(json!({ "name": "Reminder", "html": "<p>One {{name}}" })), 201).await?;
    let id = made["id"].as_str().unwrap_or_default().to_owned();
    let variables = json!({ "name": "Jane" });
    let content = json!({ "templateId": id, "variables": variables });
    let first = sent(&mut floor, content.clone()).await?;
    assert_eq!((&first["status"], &first["content"]), (&json!("ready"), &json!({ "templateId": id, "version": 1 })));

    let of_template = |operation, method, body: Option<Value>| Request {
        operation,
        method,
        path: "/v2/templates/{templateId}",
        parameters: vec![("templateId", id.clone())],
        body,
        key: None,
    };
    let two = json!({ "name": "Reminder", "html": "<p>Two {{name}}<p>{{amount}}" });
    ask(&mut floor, &of_template("templates.update", "PUT", Some(two)), 200).await?;
    assert_eq!(faults(&mut floor, content).await?, fault("/content/variables/amount", "html.variable"));
    let again = sent(&mut floor, json!({ "templateId": id, "version": 1, "variables": variables })).await?;
    assert_eq!((&again["content"]["version"], &again["status"]), (&json!(1), &json!("ready")));
    let kept = floor.house.keys(&floor.house.documents, "documents/").await?;
    assert_eq!(kept.len(), 1, "one version with one set of variables is one document: {kept:?}");

    ask(&mut floor, &of_template("templates.delete", "DELETE", None), 204).await?;
    let shown = ask(&mut floor, &of("singles.get", first["id"].as_str().unwrap_or_default(), None), 200).await?;
    assert_eq!((&shown["status"], &shown["content"]["templateId"]), (&json!("ready"), &json!(id)));
    floor.house.take_down().await
}

#[tokio::test]
async fn each_of_many_recipients_gets_its_own_letter_and_a_fault_of_one_is_told_at_its_place() -> Result<()> {
    let mut floor = floor().await?;
    let mut wanted = many(&floor.house, "reportlab.pdf", 4);
    wanted["content"] = json!({ "html": "<p>Dear {{name}}, {{amount}}", "variables": { "name": "all", "amount": 1 } });
    for (index, own) in [(1, json!({ "name": "Jane" })), (2, json!([{ "name": "amount", "value": 2 }]))] {
        wanted["recipients"][index]["variables"] = own;
    }
    let created = ask(&mut floor, &create(wanted.clone(), Some("merge".to_owned())), 201).await?;
    floor.drain(None).await?;
    let mut made = Vec::new();
    for id in created["letterIds"].as_array().into_iter().flatten() {
        let shown = ask(&mut floor, &of("singles.get", id.as_str().unwrap_or_default(), None), 200).await?;
        assert_eq!(shown["status"], "ready");
        let value = |at: usize| shown["variables"][at]["value"].clone();
        let values = match shown["variables"][0]["name"] == "amount" {
            true => (value(1), value(0)),
            false => (value(0), value(1)),
        };
        made.push((shown["content"]["html"]["sha256"].clone(), values));
    }
    let values: Vec<(Value, Value)> = made.iter().map(|(_, values)| values.clone()).collect();
    let all_have = (json!("all"), json!(1));
    assert_eq!(values, [all_have.clone(), (json!("Jane"), json!(1)), (json!("all"), json!(2)), all_have]);
    let different: BTreeSet<String> = made.iter().map(|(sha256, _)| sha256.to_string()).collect();
    assert_eq!((different.len(), &made[0].0), (3, &made[3].0));

    // Sent again, it is neither rendered nor kept again.
    let replayed = floor.request_struck(&create(wanted.clone(), Some("merge".to_owned())), None).await?;
    let answer = replayed.answer.ok_or("no answer")?;
    assert_eq!((answer.status, serde_json::from_str::<Value>(&answer.body)?), (201, created));
    assert!(replayed.calls.iter().all(|call| !call.starts_with("S3")), "{:?}", replayed.calls);

    wanted["content"]["variables"] = json!({ "amount": 1 });
    wanted["recipients"][3]["variables"] = json!({});
    let refused = ask(&mut floor, &create(wanted.clone(), None), 422).await?;
    let told: BTreeSet<String> = listed(&refused).into_iter().map(|(pointer, _)| pointer).collect();
    let expected = ["/content/variables/name", "/recipients/2/variables/name", "/recipients/3/variables/name"];
    assert_eq!(told, expected.map(str::to_owned).into());

    wanted["content"] = json!({ "path": format!("s3://{}/reportlab.pdf", floor.house.client) });
    let refused = ask(&mut floor, &create(wanted, None), 422).await?;
    assert_eq!(listed(&refused)[0], ("/recipients/1/variables".to_owned(), "content.unused".to_owned()));
    assert_eq!(all(&floor.house).await?.len(), 4);

    // More than are kept at once.
    let mut thirty = many(&floor.house, "reportlab.pdf", 30);
    thirty["content"] = json!({ "html": "<p>{{name}}" });
    for (number, recipient) in thirty["recipients"].as_array_mut().into_iter().flatten().enumerate() {
        recipient["variables"] = json!({ "name": format!("Jane {number}") });
    }
    let created = ask(&mut floor, &create(thirty, None), 201).await?;
    assert_eq!(created["letterIds"].as_array().map(Vec::len), Some(30));
    assert_eq!(floor.house.keys(&floor.house.documents, "incoming/").await?.len(), 33);
    floor.house.take_down().await
}

/// A floor on which no HTML is quick.
async fn slow_floor() -> Result<Floor> {
    let mut house = House::build(&Emulator::find().await?, 2).await?;
    house.render_seconds = 0;
    Ok(Floor::open(house))
}

#[tokio::test]
async fn html_that_is_not_quick_is_accepted_and_rendered_when_it_is_inspected() -> Result<()> {
    let mut floor = slow_floor().await?;
    let png = dot()?;
    let image = upload(&mut floor, "image/png", &png, Some(&png)).await?;
    let html = "<p>Dear {{name}},<img src='{{logo}}' width=40>";
    let wanted = letter(&floor.house, json!({ "html": html, "variables": { "name": "Jane", "logo": image } }));
    let seen = ask(&mut floor, &preflight(json!({ "letter": wanted }), None), 200).await?;
    assert_eq!((&seen["acceptable"], &seen["document"]["findings"][0]["code"]), (&json!(true), &json!("html.slow")));

    let request = create(wanted.clone(), Some("slow".to_owned()));
    let accepted = ask(&mut floor, &request, 202).await?;
    assert_eq!((&accepted["status"], &accepted["content"]), (&json!("queued"), &json!({ "html": null })));
    assert_eq!(accepted["variables"].as_array().map(Vec::len), Some(2));
    assert_eq!(ask(&mut floor, &request, 202).await?, accepted);
    // Of two that nobody has rendered yet it shows that they are alike.
    let refused = ask(&mut floor, &create(wanted, None), 409).await?;
    assert_eq!(refused["duplicateOf"], json!([accepted["id"]]));
    let shown = inspected(&mut floor, accepted["id"].as_str().unwrap_or_default()).await?;
    assert_eq!((&shown["status"], &shown["impressionCount"]), (&json!("ready"), &json!(1)), "{shown}");
    let made = shown["content"]["html"]["sha256"].as_str().unwrap_or_default();
    let copy = floor.house.object(&floor.house.documents, &format!("documents/{}/{made}", floor.house.account)).await?;
    assert!(copy.starts_with(b"%PDF-"));

    // What can be told at once still is.
    let missing = json!({ "html": "<p>{{name}}", "variables": {} });
    assert_eq!(faults(&mut floor, missing).await?, fault("/content/variables/name", "html.variable"));
    let script = json!({ "html": "<script>a</script>" });
    assert_eq!(faults(&mut floor, script).await?, fault("/content/html", "html.element"));
    let absent = json!({ "html": "<img src='doc_01KB2X4WQ8ZJ5T6V7R8S9A0B'>" });
    assert_eq!(faults(&mut floor, absent).await?, fault("/content/html", "html.document"));
    audit(&floor.house).await?;
    floor.house.take_down().await
}

#[tokio::test]
async fn what_stands_in_the_way_of_html_that_is_rendered_later_is_an_issue_that_a_change_mends() -> Result<()> {
    let mut floor = slow_floor().await?;
    let pages = "<p style='break-after: page'>x</p>".repeat(160);
    let wanted = letter(&floor.house, json!({ "html": pages }));
    let accepted = ask(&mut floor, &create(wanted, None), 202).await?;
    let id = accepted["id"].as_str().unwrap_or_default().to_owned();
    let shown = inspected(&mut floor, &id).await?;
    assert_eq!((&shown["status"], &shown["issue"]["code"]), (&json!("issue"), &json!("html.pages")), "{shown}");
    let change = json!({ "content": { "html": "<p>{{name}}", "variables": { "name": "Jane" } } });
    let changed = ask(&mut floor, &of("singles.update", &id, Some(change.clone())), 202).await?;
    assert_eq!((&changed["status"], &changed["content"]), (&json!("queued"), &json!({ "html": null })));
    // Its options may change before it is rendered, and after.
    for sides in ["simplex", "duplex"] {
        let change = json!({ "options": { "sides": sides } });
        let changed = ask(&mut floor, &of("singles.update", &id, Some(change)), 200).await?;
        assert_eq!((&changed["status"], changed["content"]["html"].is_null()), (&json!("queued"), sides == "simplex"));
        let shown = inspected(&mut floor, &id).await?;
        assert_eq!((&shown["status"], &shown["options"]["sides"]), (&json!("ready"), &json!(sides)), "{shown}");
        for key in floor.house.keys(&floor.house.documents, "incoming/").await? {
            floor.house.emulator.s3.delete_object().bucket(&floor.house.documents).key(key).send().await?;
        }
    }
    audit(&floor.house).await?;
    floor.house.take_down().await
}

#[tokio::test]
async fn a_duplicate_that_only_its_rendering_shows_is_an_issue_until_it_is_allowed() -> Result<()> {
    let mut floor = slow_floor().await?;
    let mut wanted = letter(&floor.house, json!({ "html": "<p>Dear Jane," }));
    let created = ask(&mut floor, &create(wanted.clone(), None), 202).await?;
    let first = inspected(&mut floor, created["id"].as_str().unwrap_or_default()).await?;
    assert_eq!(first["status"], "ready", "{first}");
    wanted["content"] = json!({ "html": "<!-- the same --><p>Dear Jane," });
    let created = ask(&mut floor, &create(wanted, None), 202).await?;
    let again = inspected(&mut floor, created["id"].as_str().unwrap_or_default()).await?;
    assert_eq!((&again["status"], &again["issue"]["code"]), (&json!("issue"), &json!("duplicate")), "{again}");
    let message = again["issueMessage"].as_str().unwrap_or_default();
    assert!(message.contains(first["id"].as_str().unwrap_or_default()), "{message}");
    let id = again["id"].as_str().unwrap_or_default();
    ask(&mut floor, &of("singles.update", id, Some(json!({ "allowDuplicate": true }))), 200).await?;
    // A recipient that stays the same takes nothing of that back.
    let recipient = json!({ "recipient": first["recipient"], "description": "once more" });
    ask(&mut floor, &of("singles.update", id, Some(recipient)), 200).await?;
    let shown = inspected(&mut floor, id).await?;
    assert_eq!(shown["status"], "ready", "{shown}");
    assert_eq!(shown["content"]["html"], first["content"]["html"]);
    audit(&floor.house).await?;
    floor.house.take_down().await
}

#[tokio::test]
async fn of_many_recipients_those_are_rendered_later_for_whom_there_is_no_time_before_the_answer() -> Result<()> {
    let mut house = House::build(&Emulator::find().await?, 2).await?;
    house.render_seconds = 1;
    let mut floor = Floor::open(house);
    let mut wanted = many(&floor.house, "reportlab.pdf", 500);
    wanted["content"] = json!({ "html": "<p>Dear {{name}},", "variables": { "name": "all" } });
    for (number, recipient) in wanted["recipients"].as_array_mut().into_iter().flatten().enumerate().skip(2) {
        recipient["variables"] = json!({ "name": format!("Jane {number}") });
    }
    let mut faulty = wanted.clone();
    faulty["recipients"][499]["variables"] = json!({ "name": "Jane", "namé": 1 });
    faulty["content"] =
        json!({ "html": "<p>Dear {{name}},{{#if namé}}<script>{{/if}}", "variables": { "name": "all", "namé": null } });
    let refused = ask(&mut floor, &create(faulty, None), 422).await?;
    assert_eq!(listed(&refused), fault("/recipients/499/variables", "html.element"));
    let accepted = ask(&mut floor, &create(wanted, Some("merge".to_owned())), 202).await?;
    let ids = accepted["letterIds"].as_array().cloned().unwrap_or_default();
    assert_eq!(ids.len(), 500);
    let is_made = async |floor: &mut Floor, at: usize| -> Result<bool> {
        let id = ids[at].as_str().unwrap_or_default();
        Ok(!ask(floor, &of("singles.get", id, None), 200).await?["content"]["html"].is_null())
    };
    assert_eq!((is_made(&mut floor, 0).await?, is_made(&mut floor, 499).await?), (true, false));
    floor.drain(None).await?;
    let mut made = BTreeSet::new();
    for id in [0, 1, 2, 499] {
        let id = ids[id].as_str().unwrap_or_default();
        let shown = ask(&mut floor, &of("singles.get", id, None), 200).await?;
        assert_eq!(shown["status"], "ready", "{shown}");
        made.insert(shown["content"]["html"]["sha256"].to_string());
    }
    assert_eq!(made.len(), 3, "the first two have the same document");
    let ready = all(&floor.house).await?.iter().filter(|single| single["state"] == "ready").count();
    assert_eq!(ready, 500);
    audit(&floor.house).await?;
    floor.house.take_down().await
}

#[tokio::test]
async fn a_letter_is_changed_to_other_content_and_keeps_what_was_made_of_it() -> Result<()> {
    let mut floor = floor().await?;
    let shown = sent(&mut floor, json!({ "html": "<p>{{name}}", "variables": { "name": "Jane" } })).await?;
    let id = shown["id"].as_str().unwrap_or_default().to_owned();
    let update = |body: Value| of("singles.update", &id, Some(body));

    // Other options have it inspected again, also when what came with the request is cleared by then.
    for key in floor.house.keys(&floor.house.documents, "incoming/").await? {
        floor.house.emulator.s3.delete_object().bucket(&floor.house.documents).key(key).send().await?;
    }
    let changed = ask(&mut floor, &update(json!({ "options": { "sides": "simplex" } })), 200).await?;
    assert_eq!((&changed["status"], &changed["variables"]), (&json!("queued"), &shown["variables"]));
    assert_eq!(inspected(&mut floor, &id).await?["status"], "ready");

    let recipient = |variables: Value| {
        let mut recipient = body(&floor.house, "reportlab.pdf")["recipient"].clone();
        recipient["variables"] = variables;
        recipient
    };
    let own = recipient(json!({ "name": "Joe" }));
    let refused = ask(&mut floor, &update(json!({ "recipient": own })), 422).await?;
    assert_eq!(listed(&refused), fault("/content", "required"));
    let refused = ask(&mut floor, &update(json!({ "content": { "html": "{{name}}" } })), 422).await?;
    assert_eq!(listed(&refused), fault("/content/variables/name", "html.variable"));
    let content = json!({ "html": "<p>{{name}} {{amount}}", "variables": { "name": "?", "amount": 1 } });
    let changed = ask(&mut floor, &update(json!({ "recipient": own, "content": content })), 200).await?;
    let values: BTreeSet<String> =
        changed["variables"].as_array().into_iter().flatten().map(|one| one["value"].to_string()).collect();
    assert_eq!((&changed["status"], values), (&json!("queued"), ["\"Joe\"", "1"].map(str::to_owned).into()));
    assert_eq!(inspected(&mut floor, &id).await?["status"], "ready");

    let pdf = floor.house.object(&floor.house.client, "chromium.pdf").await?;
    let document = upload(&mut floor, "application/pdf", &pdf, Some(&pdf)).await?;
    let changed = ask(&mut floor, &update(json!({ "content": { "documentId": document } })), 200).await?;
    assert_eq!((&changed["content"], &changed["variables"]), (&json!({ "documentId": document }), &Value::Null));
    let shown = inspected(&mut floor, &id).await?;
    assert_eq!((&shown["status"], &shown["impressionCount"]), (&json!("ready"), &json!(2)));
    audit(&floor.house).await?;
    floor.house.take_down().await
}

#[tokio::test]
async fn templates_and_documents_of_others_and_of_the_other_mode_are_not_there() -> Result<()> {
    let mut floor = floor().await?;
    let pdf = floor.house.object(&floor.house.client, "reportlab.pdf").await?;
    let document = upload(&mut floor, "application/pdf", &pdf, Some(&pdf)).await?;
    let made = ask(&mut floor, &template(json!({ "name": "One", "html": "<p>x" })), 201).await?;
    let own = floor.house.account.clone();
    for (account, mode) in [(own.as_str(), "test"), ("acct_0000000000000", "live")] {
        (floor.house.account, floor.mode) = (account.to_owned(), mode);
        let told = faults(&mut floor, json!({ "documentId": document })).await?;
        assert_eq!(told, fault("/content/documentId", "document.unknown"));
        let told = faults(&mut floor, json!({ "templateId": made["id"] })).await?;
        assert_eq!(told, fault("/content/templateId", "template.unknown"));
    }
    floor.house.take_down().await
}

#[tokio::test]
async fn a_postcard_is_made_of_html_a_template_or_an_upload_of_its_size() -> Result<()> {
    let mut floor = floor().await?;
    let card_of = |floor: &Floor, content: Value| {
        let mut wanted = card_body(&floor.house, "card.pdf", "4x6");
        wanted["content"] = content;
        create_card(wanted, None)
    };
    let made_for = |page: &str| template(json!({ "name": page, "html": "<p>Come!", "pageSize": page }));
    let small = ask(&mut floor, &made_for("4x6"), 201).await?["id"].clone();
    let large = ask(&mut floor, &made_for("6x9"), 201).await?["id"].clone();
    let letter = ask(&mut floor, &made_for("Letter"), 201).await?["id"].clone();
    let uploaded = upload(&mut floor, "application/pdf", &card(), Some(&card())).await?;
    let both = "<p style='break-after: page'>Come!</p><p>Until Friday.</p>";
    let mut ids = Vec::new();
    for (content, sides) in [
        (json!({ "html": "<p>Come!" }), 1),
        (json!({ "html": both, "pageSize": "4x6" }), 2),
        (json!({ "templateId": small }), 1),
        (json!({ "documentId": uploaded }), 2),
    ] {
        let wanted = card_of(&floor, content.clone());
        let created = ask(&mut floor, &wanted, 201).await?;
        floor.drain(None).await?;
        let id = created["id"].as_str().unwrap_or_default().to_owned();
        let shown = ask(&mut floor, &of_card("postcards.get", &id, None), 200).await?;
        assert_eq!(
            (&shown["status"], &shown["impressionCount"]),
            (&json!("ready"), &json!(sides)),
            "{content}: {shown}"
        );
        ids.push(id);
    }
    let pages = "<p style='break-after: page'>x</p>".repeat(3);
    for (content, pointer, rule) in [
        (json!({ "html": "<p>x", "pageSize": "Letter" }), "/content/pageSize", "enum"),
        (json!({ "html": "<p>x", "pageSize": "6x9" }), "/content/pageSize", "enum"),
        (json!({ "html": pages }), "/content/html", "html.pages"),
        (json!({ "html": "<p style='text-transform: uppercase'>x" }), "/content/html", "html.unsupported"),
        (json!({ "templateId": large }), "/content/templateId", "template.page"),
        (json!({ "templateId": letter }), "/content/templateId", "template.page"),
    ] {
        let wanted = card_of(&floor, content.clone());
        let refused = ask(&mut floor, &wanted, 422).await?;
        assert_eq!(listed(&refused), fault(pointer, rule), "{content}");
    }
    let change = json!({ "options": { "size": "6x9" }, "content": { "templateId": large } });
    ask(&mut floor, &of_card("postcards.update", &ids[0], Some(change)), 200).await?;
    floor.drain(None).await?;
    let shown = ask(&mut floor, &of_card("postcards.get", &ids[0], None), 200).await?;
    assert_eq!((&shown["status"], &shown["content"]["templateId"]), (&json!("ready"), &large), "{shown}");

    // An uploaded card is one, and no letter.
    let shown = sent(&mut floor, json!({ "documentId": uploaded })).await?;
    assert_eq!((&shown["status"], &shown["issue"]["code"]), (&json!("issue"), &json!("document.page_size")), "{shown}");
    audit(&floor.house).await?;
    floor.house.take_down().await
}

#[tokio::test]
async fn looking_first_renders_what_creating_would_and_keeps_none_of_it() -> Result<()> {
    let mut floor = floor().await?;
    let looks_at = |wanted: Value| preflight(json!({ "letter": wanted }), None);
    let missing = json!({ "html": "<p>Dear {{name}}, {{amount}}", "variables": { "amount": 1 } });
    let wanted = letter(&floor.house, missing.clone());
    let seen = ask(&mut floor, &looks_at(wanted), 200).await?;
    assert_eq!((&seen["acceptable"], &seen["document"]), (&json!(false), &Value::Null));
    assert_eq!(listed(&seen), fault("/letter/content/variables/name", "html.variable"));

    // What is wrong with one of many is told at its place, beside all else that is wrong.
    let mut wanted = many(&floor.house, "reportlab.pdf", 2);
    wanted["content"] = missing;
    wanted["recipients"][0]["variables"] = json!({ "name": "Jane" });
    wanted["recipients"][1]["variables"] = json!({});
    wanted["sendDate"] = json!("2020-01-01");
    let seen = ask(&mut floor, &looks_at(wanted.clone()), 200).await?;
    let told: BTreeSet<(String, String)> = listed(&seen).into_iter().collect();
    let mut expected = fault("/letter/recipients/1/variables/name", "html.variable");
    expected.extend(fault("/letter/sendDate", "send_date"));
    assert_eq!(told, expected.into_iter().collect());

    wanted["recipients"][1]["variables"] = json!({ "name": "Joe" });
    wanted.as_object_mut().ok_or("no letter")?.remove("sendDate");
    let pdf = floor.house.object(&floor.house.client, "chromium.pdf").await?;
    let document = upload(&mut floor, "application/pdf", &pdf, Some(&pdf)).await?;
    let uploaded = letter(&floor.house, json!({ "documentId": document }));
    for (wanted, pages) in [(wanted, 1), (uploaded, 2)] {
        let seen = ask(&mut floor, &looks_at(wanted), 200).await?;
        assert_eq!((&seen["acceptable"], &seen["errors"]), (&json!(true), &json!([])), "{seen}");
        assert_eq!(seen["document"]["impressionCount"], json!(pages));
        assert!(seen["document"]["overlayUrl"].as_str().is_some_and(|url| url.contains("/shown/")), "{seen}");
    }
    assert_eq!(all(&floor.house).await?.len(), 0);
    let kept = floor.house.keys(&floor.house.documents, "incoming/").await?;
    assert_eq!(kept, Vec::<String>::new(), "what is looked at is not kept");
    floor.house.take_down().await
}
