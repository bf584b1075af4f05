//! Templates that several people edit.

use std::thread;

use serde_json::{Value, json};

use crate::support::{Tenant, text};

#[test]
fn of_two_who_edit_the_same_template_the_second_is_told_and_overwrites_nothing() {
    let tenant = Tenant::new();
    let client = &tenant.client;
    let html = |text: &str| json!({ "name": "Reminder", "html": format!("<p>{text}") });
    let create = || client.call("templates.create", &[]).idempotent("an-editor").json(&html("one")).expect(201);
    let (created, again) = (create(), create());
    let id = text(&serde_json::from_slice::<Value>(&created.body).unwrap()["id"]);
    let path = [("templateId", id.as_str())];
    let get = || client.call("templates.get", &path).expect(200);
    let put =
        |text: &str, seen: &str| client.call("templates.update", &path).header("if-match", seen).json(&html(text));
    let seen = created.header("etag").unwrap().to_owned();
    assert_eq!((again.header("etag"), get().header("etag")), (Some(seen.as_str()), Some(seen.as_str())));

    let statuses: Vec<u16> = thread::scope(|scope| {
        let editors = ["two", "other two", "third two"]
            .map(|text| scope.spawn(|| put(text, &seen).either(&[200, 412]).status))
            .into_iter();
        editors.map(|editor| editor.join().unwrap()).collect()
    });
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
    let now = get();
    let shown: Value = serde_json::from_slice(&now.body).unwrap();
    assert_eq!(shown["latestVersion"], 2);
    let refused = put("three", &seen).read(412);
    assert_eq!(refused["code"], "template.changed");

    // The winner's own change, sent again because its answer was lost, is no change.
    let winner = shown["html"].as_str().unwrap().trim_start_matches("<p>");
    assert_eq!(put(winner, &seen).read(200)["version"], 2);
    let changed = put("three", now.header("etag").unwrap()).expect(200);
    assert_ne!(changed.header("etag"), now.header("etag"));
    assert_eq!(put("four", &format!("{seen}, {}", changed.header("etag").unwrap())).read(200)["version"], 4);
    assert_eq!(put("five", "*").read(200)["version"], 5);
    assert_eq!(put("six", "5").read(400)["code"], "if_match.invalid");
    assert_eq!(put("six", "W/\"5\"").read(412)["code"], "template.changed");
    assert_eq!(client.call("templates.update", &path).json(&html("six")).read(200)["version"], 6);
    // An old version is shown with what the template is as it stands: who goes back to it changes that.
    let first = client.call("templates.get", &path).query("version", "1").expect(200);
    assert_eq!(first.header("etag"), get().header("etag"));
}
