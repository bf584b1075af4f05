//! Documents and templates: uploading, rendering, versions, and what faults and other accounts do to them.
//!
//! It needs an AWS emulator at `AWS_ENDPOINT_URL` (`make up` starts one).
#![expect(clippy::print_stderr, reason = "a sweep says which cases it ran")]

use jiff::SignedDuration;
use lopdf::{Stream, dictionary};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tests::harness::Result;
use tests::harness::emulator::Emulator;
use tests::harness::floor::{Answer, Floor, Request};
use tests::harness::house::House;
use tests::harness::proxy::{Fault, Mode, Point};
use tests::openapi::{self, Description};

async fn floor() -> Result<Floor> {
    Ok(Floor::open(House::build(&Emulator::find().await?, 2).await?))
}

fn request(operation: &'static str, id: &str, body: Option<Value>) -> Request {
    let (method, path, name) = match operation {
        "documents.create" => ("POST", "/v2/documents", ""),
        "documents.get" => ("GET", "/v2/documents/{documentId}", "documentId"),
        "templates.create" => ("POST", "/v2/templates", ""),
        "templates.list" => ("GET", "/v2/templates", ""),
        "templates.get" => ("GET", "/v2/templates/{templateId}", "templateId"),
        "templates.update" => ("PUT", "/v2/templates/{templateId}", "templateId"),
        "templates.delete" => ("DELETE", "/v2/templates/{templateId}", "templateId"),
        _ => ("POST", "/v2/templates/{templateId}/preview", "templateId"),
    };
    let parameters = if name.is_empty() { Vec::new() } else { vec![(name, id.to_owned())] };
    Request { operation, method, path, parameters, body, key: None }
}

/// Asks, and holds the answer to the description of the API.
async fn ask(floor: &mut Floor, request: &Request) -> Result<Answer> {
    let answer = floor.request(request).await?;
    let mut headers = vec![("x-request-id".to_owned(), "1".to_owned())];
    if !answer.body.is_empty() {
        headers.push(("content-type".to_owned(), "application/json".to_owned()));
    }
    headers.extend(answer.headers.get("etag").map(|tag| ("etag".to_owned(), tag.clone())));
    if answer.status == 201 {
        headers.push(("location".to_owned(), "/v2/".to_owned()));
    }
    let status = u16::try_from(answer.status)?;
    let judged = openapi::Answer { status, headers: headers.into_iter().collect(), body: answer.body.clone().into() };
    Description::get().judge(request.operation, &judged).map_err(|fault| format!("{fault}: {}", answer.body))?;
    Ok(answer)
}

fn value(answer: &Answer) -> Result<Value> {
    Ok(serde_json::from_str(&answer.body)?)
}

fn hash(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Uploads by the request of an answer, as a client would that has no keys of AWS. Answers the status.
fn upload(announced: &Value, bytes: &[u8]) -> Result<u16> {
    let agent = ureq::Agent::new_with_config(ureq::Agent::config_builder().http_status_as_error(false).build());
    let mut put = agent.put(announced["upload"]["url"].as_str().ok_or("no URL")?);
    for (name, value) in announced["upload"]["headers"].as_object().ok_or("no headers")? {
        if name != "content-length" && name != "host" {
            put = put.header(name, value.as_str().unwrap_or_default());
        }
    }
    Ok(put.send(bytes)?.status().as_u16())
}

fn declared(kind: &str, bytes: &[u8]) -> Option<Value> {
    Some(json!({ "contentType": kind, "bytes": bytes.len(), "sha256": hash(bytes) }))
}

fn fixture(name: &str) -> Result<Vec<u8>> {
    Ok(std::fs::read(format!("{}/fixtures/documents/{name}", env!("CARGO_MANIFEST_DIR")))?)
}

async fn template(floor: &mut Floor, html: &str) -> Result<String> {
    let body = json!({ "name": "Reminder", "html": html });
    let answer = ask(floor, &request("templates.create", "", Some(body))).await?;
    if answer.status != 201 {
        return Err(format!("{} {}", answer.status, answer.body).into());
    }
    Ok(answer.text("id"))
}

#[tokio::test]
async fn a_document_is_ready_once_what_was_declared_has_come_and_passed() -> Result<()> {
    let mut floor = floor().await?;
    let pdf = fixture("chromium.pdf")?;
    let announced = ask(&mut floor, &request("documents.create", "", declared("application/pdf", &pdf))).await?;
    let id = announced.text("id");
    assert_eq!((announced.status, announced.text("status").as_str()), (201, "waiting"));
    assert_eq!(ask(&mut floor, &request("documents.get", &id, None)).await?.text("status"), "waiting");

    assert_eq!(upload(&value(&announced)?, &pdf)?, 200);
    let ready = ask(&mut floor, &request("documents.get", &id, None)).await?;
    assert_eq!((ready.text("status").as_str(), &value(&ready)?["pages"]), ("ready", &json!(2)));
    let copy = format!("documents/{}/{}", floor.house.account, hash(&pdf));
    assert_eq!(floor.house.object(&floor.house.documents, &copy).await?, pdf);

    // What is put there afterwards changes nothing.
    let key = format!("uploads/{}/{id}", floor.house.account);
    let put = floor.house.emulator.s3.put_object().bucket(&floor.house.documents).key(&key);
    put.body(b"another".to_vec().into()).send().await?;
    assert!(ask(&mut floor, &request("documents.get", &id, None)).await?.repeats(&ready));
    assert_eq!(floor.house.object(&floor.house.documents, &copy).await?, pdf);
    floor.house.take_down().await
}

/// A page with an image of so many bytes, as they are.
fn scan(bytes: usize) -> Result<Vec<u8>> {
    let side = ((bytes / 3) as f64).sqrt() as usize;
    let mut document = lopdf::Document::with_version("1.5");
    let image = dictionary! {
        "Type" => "XObject", "Subtype" => "Image", "Width" => side as i64, "Height" => side as i64,
        "ColorSpace" => "DeviceRGB", "BitsPerComponent" => 8,
    };
    let image = document.add_object(Stream::new(image, (0..3 * side * side).map(|at| (at >> 9) as u8).collect()));
    let content = document.add_object(Stream::new(dictionary! {}, b"q 540 0 0 720 36 36 cm /I Do Q".to_vec()));
    let tree = document.new_object_id();
    let page = document.add_object(dictionary! {
        "Type" => "Page", "Parent" => tree, "MediaBox" => vec![0.into(), 0.into(), 612.into(), 792.into()],
        "Contents" => content, "Resources" => dictionary! { "XObject" => dictionary! { "I" => image } },
    });
    document.objects.insert(tree, dictionary! { "Type" => "Pages", "Kids" => vec![page.into()], "Count" => 1 }.into());
    let catalog = document.add_object(dictionary! { "Type" => "Catalog", "Pages" => tree });
    document.trailer.set("Root", catalog);
    let mut file = Vec::new();
    document.save_to(&mut file)?;
    Ok(file)
}

#[tokio::test]
async fn a_document_of_nearly_100_mb_is_ready_when_it_is_asked_for() -> Result<()> {
    let mut floor = floor().await?;
    let pdf = scan(95_000_000)?;
    assert!((94_000_000..=100_000_000).contains(&pdf.len()), "{} bytes", pdf.len());
    let announced = ask(&mut floor, &request("documents.create", "", declared("application/pdf", &pdf))).await?;
    assert_eq!(upload(&value(&announced)?, &pdf)?, 200);
    let ready = ask(&mut floor, &request("documents.get", &announced.text("id"), None)).await?;
    assert_eq!((ready.text("status").as_str(), &value(&ready)?["pages"]), ("ready", &json!(1)), "{}", ready.body);
    floor.house.take_down().await
}

#[tokio::test]
async fn a_document_that_is_not_what_was_declared_never_is_ready() -> Result<()> {
    let mut floor = floor().await?;
    let pdf = fixture("chromium.pdf")?;
    let announced = ask(&mut floor, &request("documents.create", "", declared("application/pdf", &pdf))).await?;
    let id = announced.text("id");
    // S3 refuses these itself; an emulator may not.
    let mut other = pdf.clone();
    other[1000] ^= 1;
    for bytes in [&other[..], &pdf[..pdf.len() - 1], b"x"] {
        let key = format!("uploads/{}/{id}", floor.house.account);
        let put = floor.house.emulator.s3.put_object().bucket(&floor.house.documents).key(&key);
        put.body(bytes.to_vec().into()).send().await?;
        assert_eq!(ask(&mut floor, &request("documents.get", &id, None)).await?.text("status"), "waiting");
    }
    assert_eq!(upload(&value(&announced)?, &pdf)?, 200);
    assert_eq!(ask(&mut floor, &request("documents.get", &id, None)).await?.text("status"), "ready");

    let text = b"no PDF, no image".to_vec();
    for (kind, code) in [("application/pdf", "document.not_a_pdf"), ("image/png", "document.type")] {
        let announced = ask(&mut floor, &request("documents.create", "", declared(kind, &text))).await?;
        upload(&value(&announced)?, &text)?;
        let refused = ask(&mut floor, &request("documents.get", &announced.text("id"), None)).await?;
        assert_eq!(refused.text("status"), "refused", "{}", refused.body);
        assert_eq!(value(&refused)?["findings"][0]["code"], code);
    }
    floor.house.take_down().await
}

#[tokio::test]
async fn what_a_client_says_wrong_is_told_all_at_once() -> Result<()> {
    let mut floor = floor().await?;
    let pointers = |answer: &Answer| -> Result<Vec<String>> {
        let body = value(answer)?;
        let errors = body["errors"].as_array().cloned().unwrap_or_default();
        Ok(errors.iter().filter_map(|error| error["pointer"].as_str().map(str::to_owned)).collect())
    };
    let body = json!({ "contentType": "image/gif", "bytes": 100_000_001, "sha256": "00" });
    let refused = ask(&mut floor, &request("documents.create", "", Some(body))).await?;
    assert_eq!(
        (refused.status, pointers(&refused)?),
        (422, ["/contentType", "/bytes", "/sha256"].map(str::to_owned).into())
    );

    // An image that HTML could never show is refused when it is announced; a PDF may be larger.
    let most = 20 << 20;
    for (kind, bytes, status) in [
        ("image/png", most, 201),
        ("image/png", most + 1, 422),
        ("image/jpeg", most + 1, 422),
        ("application/pdf", 100_000_000, 201),
    ] {
        let body = json!({ "contentType": kind, "bytes": bytes, "sha256": hash(b"") });
        let answer = ask(&mut floor, &request("documents.create", "", Some(body))).await?;
        assert_eq!(answer.status, status, "{kind} of {bytes} bytes: {}", answer.body);
        if status == 422 {
            assert_eq!(pointers(&answer)?, ["/bytes"]);
            assert!(answer.body.contains("20 MB"), "{}", answer.body);
        }
    }

    let body = json!({ "name": "", "html": 3, "pageSize": "A3" });
    let refused = ask(&mut floor, &request("templates.create", "", Some(body))).await?;
    assert_eq!((refused.status, pointers(&refused)?), (422, ["/name", "/html", "/pageSize"].map(str::to_owned).into()));

    let body = json!({ "name": "a", "html": "<p>\n{{#if a}}" });
    let refused = ask(&mut floor, &request("templates.create", "", Some(body))).await?;
    assert_eq!((refused.status, pointers(&refused)?), (422, vec!["/html".to_owned()]));

    let id = template(&mut floor, "<p>{{name}} {{due.date}}</p>").await?;
    let preview = request("templates.preview", &id, Some(json!({ "variables": {} })));
    let refused = ask(&mut floor, &preview).await?;
    let expected = ["/variables/name", "/variables/due/date"].map(str::to_owned).to_vec();
    assert_eq!((refused.status, pointers(&refused)?), (422, expected));
    floor.house.take_down().await
}

#[tokio::test]
async fn versions_of_a_template_never_change_and_go_with_it() -> Result<()> {
    let mut floor = floor().await?;
    let id = template(&mut floor, "<p>one {{name}}</p>").await?;
    let put =
        |html: &str| request("templates.update", &id, Some(json!({ "name": "Later", "html": html, "pageSize": "A4" })));
    let changed = value(&ask(&mut floor, &put("<p>two {{name}}</p>")).await?)?;
    assert_eq!((&changed["version"], &changed["name"]), (&json!(2), &json!("Later")));
    let again = value(&ask(&mut floor, &put("<p>two {{name}}</p>")).await?)?;
    assert_eq!(again["version"], 2, "what is already so makes no version");

    let get = |version: &str| {
        let mut get = request("templates.get", &id, None);
        if !version.is_empty() {
            get.parameters.push(("version", version.to_owned()));
        }
        get
    };
    let first = value(&ask(&mut floor, &get("1")).await?)?;
    assert_eq!((&first["html"], &first["pageSize"]), (&json!("<p>one {{name}}</p>"), &json!("Letter")));
    let latest = value(&ask(&mut floor, &get("")).await?)?;
    assert_eq!((&latest["html"], &latest["latestVersion"]), (&json!("<p>two {{name}}</p>"), &json!(2)));
    assert_eq!(ask(&mut floor, &get("3")).await?.status, 404);
    assert_eq!(ask(&mut floor, &get("x")).await?.status, 400);

    assert_eq!(ask(&mut floor, &request("templates.delete", &id, None)).await?.status, 204);
    assert_eq!(ask(&mut floor, &request("templates.delete", &id, None)).await?.status, 404);
    assert_eq!(ask(&mut floor, &get("1")).await?.status, 404);
    assert_eq!(floor.house.partition(&format!("TEMPLATE#{id}")).await?.len(), 0);
    floor.house.take_down().await
}

#[tokio::test]
async fn the_html_of_a_template_goes_with_it_and_with_no_other() -> Result<()> {
    let mut floor = floor().await?;
    let html = "<p>Dear reader,</p>";
    let (id, other) = (template(&mut floor, html).await?, template(&mut floor, html).await?);
    for text in ["<p>two", html, "<p>four"] {
        let put = request("templates.update", &id, Some(json!({ "name": "Reminder", "html": text })));
        assert_eq!(ask(&mut floor, &put).await?.status, 200);
    }
    let folder = format!("templates/{}/", floor.house.account);
    assert_eq!(floor.house.keys(&floor.house.documents, &folder).await?.len(), 4);
    assert_eq!(ask(&mut floor, &request("templates.delete", &id, None)).await?.status, 204);
    let left = floor.house.keys(&floor.house.documents, &folder).await?;
    assert!(left.len() == 1 && left[0].contains(&other), "{left:?}");
    assert_eq!(value(&ask(&mut floor, &request("templates.get", &other, None)).await?)?["html"], html);
    floor.house.take_down().await
}

#[tokio::test]
async fn a_preview_is_a_pdf_and_a_picture_with_uploaded_images_in_it() -> Result<()> {
    let mut floor = floor().await?;
    let png = png(40, 20);
    let announced = ask(&mut floor, &request("documents.create", "", declared("image/png", &png))).await?;
    upload(&value(&announced)?, &png)?;
    let image = announced.text("id");
    let id =
        template(&mut floor, &format!("<img src='{image}'><img src='{{{{logo}}}}'><p>Dear {{{{name}}}},</p>")).await?;
    let variables = json!([{ "name": "name", "value": "Jane" }, { "name": "logo", "value": image }]);
    let preview = request("templates.preview", &id, Some(json!({ "variables": variables })));
    let shown = ask(&mut floor, &preview).await?;
    assert_eq!(shown.status, 200, "{}", shown.body);
    let shown = value(&shown)?;
    assert_eq!((&shown["version"], &shown["pages"]), (&json!(1), &json!(1)));
    for (link, begins) in [("pdfUrl", &b"%PDF-"[..]), ("imageUrl", b"\x89PNG")] {
        let url = shown[link].as_str().ok_or("no link")?;
        let bytes = ureq::get(url).call()?.body_mut().read_to_vec()?;
        assert!(bytes.starts_with(begins), "{link}");
    }
    // The same again makes the same.
    let again = value(&ask(&mut floor, &preview).await?)?;
    let path = |value: &Value| value["pdfUrl"].as_str().and_then(|url| url.split('?').next()).map(str::to_owned);
    assert_eq!(path(&again), path(&shown));

    let unknown = template(&mut floor, "<img src='doc_01KB2X4WQ8ZJ5T6V7R8S9A0B'>").await?;
    let refused = ask(&mut floor, &request("templates.preview", &unknown, Some(json!({})))).await?;
    let told = &value(&refused)?["errors"][0];
    assert_eq!((refused.status, &told["rule"]), (422, &json!("html.document")));
    assert!(told["message"].as_str().is_some_and(|message| message.contains("There is no document")), "{told}");
    floor.house.take_down().await
}

#[tokio::test]
async fn a_page_that_cannot_be_drawn_is_refused_with_the_reason() -> Result<()> {
    let mut floor = floor().await?;
    // What shines through is an image of its own, so that both have more dots than are drawn.
    let (width, height) = (5_200, 5_200);
    let mut png = Vec::new();
    let mut encoder = png::Encoder::new(&mut png, width, height);
    encoder.set_color(png::ColorType::GrayscaleAlpha);
    encoder.write_header()?.write_image_data(&[0x80].repeat(2 * (width * height) as usize))?;
    let announced = ask(&mut floor, &request("documents.create", "", declared("image/png", &png))).await?;
    upload(&value(&announced)?, &png)?;
    let id = template(&mut floor, &format!("<img width=400 src='{}'>", announced.text("id"))).await?;
    let refused = ask(&mut floor, &request("templates.preview", &id, Some(json!({})))).await?;
    assert_eq!(refused.status, 422, "{}", refused.body);
    let told = &value(&refused)?["errors"][0];
    assert_eq!((&told["pointer"], &told["rule"]), (&json!("/version"), &json!("template.no_picture")), "{told}");
    assert!(told["message"].as_str().is_some_and(|message| message.contains("reduce their resolution")), "{told}");
    floor.house.take_down().await
}

#[tokio::test]
async fn an_image_that_is_not_there_is_told_with_what_to_do_where_it_is_named() -> Result<()> {
    let mut floor = floor().await?;
    let (waiting, pdf, text) = (png(40, 20), fixture("chromium.pdf")?, b"no image".to_vec());
    let mut ids = Vec::new();
    for (kind, bytes, comes) in
        [("image/png", &waiting, false), ("application/pdf", &pdf, true), ("image/png", &text, true)]
    {
        let announced = ask(&mut floor, &request("documents.create", "", declared(kind, bytes))).await?;
        if comes {
            upload(&value(&announced)?, bytes)?;
        }
        ids.push(announced.text("id"));
    }
    ids.push("doc_01KB2X4WQ8ZJ5T6V7R8S9A0B".to_owned());
    let wanted = ["is not there, or not as", "is a PDF", "was refused", "There is no document"];

    let html: String = ids.iter().map(|id| format!("<img src={id}>")).collect();
    let in_html = template(&mut floor, &html).await?;
    let in_variables = template(&mut floor, "{{#each images}}<img src='{{this.src}}'>{{/each}}<p>{{note}}").await?;
    let variables = json!({
        "images": ids.iter().map(|id| json!({ "src": id })).collect::<Vec<_>>(),
        "note": "doc_01KB2X4WQ8ZJ5T6V7R8S9A0C is no image, and nobody shows it",
    });
    for (id, variables) in [(in_html, json!({})), (in_variables, variables)] {
        let preview = request("templates.preview", &id, Some(json!({ "variables": variables })));
        let refused = ask(&mut floor, &preview).await?;
        let errors = value(&refused)?["errors"].as_array().cloned().unwrap_or_default();
        assert_eq!((refused.status, errors.len()), (422, 4), "{}", refused.body);
        for (index, wanted) in wanted.into_iter().enumerate() {
            let place = match variables["images"].is_array() {
                true => format!("/variables/images/{index}/src"),
                false => "/version".to_owned(),
            };
            let told = errors.iter().find(|error| error["message"].as_str().is_some_and(|text| text.contains(wanted)));
            let told = told.ok_or_else(|| format!("nobody said {wanted}: {errors:?}"))?;
            assert_eq!((&told["rule"], &told["pointer"]), (&json!("html.document"), &json!(place)));
            assert!(told["message"].as_str().is_some_and(|text| text.contains(&ids[index])), "{told}");
        }
    }
    floor.house.take_down().await
}

#[tokio::test]
async fn templates_are_listed_page_by_page_and_those_of_others_and_of_the_other_mode_are_not_there() -> Result<()> {
    let mut floor = floor().await?;
    let mut made = Vec::new();
    for number in 0..5 {
        made.push(template(&mut floor, &format!("<p>{number}</p>")).await?);
    }
    let pdf = fixture("chromium.pdf")?;
    let document =
        ask(&mut floor, &request("documents.create", "", declared("application/pdf", &pdf))).await?.text("id");
    let mut listed = Vec::new();
    let mut cursor = None;
    loop {
        let mut list = request("templates.list", "", None);
        list.parameters.push(("limit", "2".to_owned()));
        list.parameters.extend(cursor.take().map(|cursor| ("cursor", cursor)));
        let page = value(&ask(&mut floor, &list).await?)?;
        listed.extend(
            page["items"].as_array().into_iter().flatten().filter_map(|item| item["id"].as_str().map(str::to_owned)),
        );
        cursor = page["nextCursor"].as_str().map(str::to_owned);
        if cursor.is_none() {
            break;
        }
    }
    listed.reverse();
    assert_eq!(listed, made);

    let own = floor.house.account.clone();
    for (account, mode) in [(own.as_str(), "test"), ("acct_0000000000000", "live")] {
        (floor.house.account, floor.mode) = (account.to_owned(), mode);
        let body = json!({ "name": "a", "html": "b" });
        for (operation, id, body) in [
            ("templates.get", &made[0], None),
            ("templates.update", &made[0], Some(body)),
            ("templates.delete", &made[0], None),
            ("templates.preview", &made[0], Some(json!({}))),
            ("documents.get", &document, None),
        ] {
            assert_eq!(
                ask(&mut floor, &request(operation, id, body)).await?.status,
                404,
                "{operation} {account} {mode}"
            );
        }
        assert_eq!(value(&ask(&mut floor, &request("templates.list", "", None)).await?)?["items"], json!([]));
    }
    floor.house.take_down().await
}

#[tokio::test]
async fn a_fault_at_any_call_makes_nothing_twice_and_loses_nothing() -> Result<()> {
    let mut floor = floor().await?;
    let pdf = fixture("chromium.pdf")?;
    let (mut cases, mut broken) = (0, Vec::new());
    for operation in ["templates.create", "templates.update", "templates.delete", "documents.create", "documents.get"] {
        let mut number = 0;
        'calls: loop {
            number += 1;
            for mode in [Mode::KilledBefore, Mode::KilledAfter, Mode::AnswerLost] {
                let fault = Fault { point: Point::Number(number), mode };
                let (id, body) = match operation {
                    "templates.update" => {
                        (template(&mut floor, "<p>one</p>").await?, json!({ "name": "a", "html": "<p>two</p>" }))
                    }
                    "templates.delete" => (template(&mut floor, "<p>one</p>").await?, Value::Null),
                    "templates.create" => (String::new(), json!({ "name": format!("{cases}"), "html": "<p>one</p>" })),
                    _ => {
                        let body = declared("application/pdf", &pdf).unwrap_or_default();
                        match operation {
                            "documents.create" => (String::new(), body),
                            _ => {
                                let announced = ask(&mut floor, &request("documents.create", "", Some(body))).await?;
                                upload(&value(&announced)?, &pdf)?;
                                (announced.text("id"), Value::Null)
                            }
                        }
                    }
                };
                let mut asked = request(operation, &id, Some(body).filter(|body| !body.is_null()));
                asked.key = operation.ends_with("create").then(|| format!("{operation}-{cases}"));
                let struck = floor.request_struck(&asked, Some(fault)).await?;
                if struck.calls.len() < number {
                    break 'calls;
                }
                cases += 1;
                // The claim of a key holds until the function that had it must be gone.
                if asked.key.is_some() {
                    floor.pass(SignedDuration::from_secs(36)).await?;
                }
                let second = floor.request(&asked).await?;
                let good = match operation {
                    "templates.create" => {
                        let found = floor.house.all("TEMPLATE").await?;
                        let same = found
                            .iter()
                            .filter(|item| item["name"] == asked.body.clone().unwrap_or_default()["name"])
                            .count();
                        let versions = floor.house.partition(&format!("TEMPLATE#{}", second.text("id"))).await?.len();
                        second.status == 201 && same == 1 && versions == 2
                    }
                    "templates.update" => {
                        let item = floor.house.item(&format!("TEMPLATE#{id}"), "TEMPLATE").await?.unwrap_or_default();
                        second.status == 200 && item["version"] == 2
                    }
                    "templates.delete" => {
                        let left = floor.house.item(&format!("TEMPLATE#{id}"), "TEMPLATE").await?;
                        let rest = floor.house.partition(&format!("TEMPLATE#{id}")).await?.len();
                        let kept = format!("templates/{}/{id}/", floor.house.account);
                        let html = floor.house.keys(&floor.house.documents, &kept).await?.len();
                        [204, 404].contains(&second.status) && left.is_none() && rest + html == 0
                    }
                    "documents.create" => {
                        let item = floor.house.item(&format!("DOCUMENT#{}", second.text("id")), "DOCUMENT").await?;
                        second.status == 201 && item.is_some()
                    }
                    _ => second.status == 200 && second.text("status") == "ready",
                };
                if !good {
                    broken.push(format!("{operation}, call {number}, {mode:?}: {} {}", second.status, second.body));
                }
            }
        }
        eprintln!("{operation} makes {} calls", number - 1);
    }
    assert!(cases > 30, "only {cases} cases ran");
    assert!(broken.is_empty(), "{}", broken.join("\n"));
    floor.house.take_down().await
}

/// A grey PNG.
fn png(width: u32, height: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width, height);
    encoder.set_color(png::ColorType::Grayscale);
    if let Ok(mut writer) = encoder.write_header() {
        let _ = writer.write_image_data(&vec![128; (width * height) as usize]);
        let _ = writer.finish();
    }
    bytes
}
