//! The callback from outside: the schedule brings what is new to a local receiver, which refuses it first.

use std::thread;
use std::time::Duration;

use serde_json::{Value, json};
use tests::harness::receiver::Manner;

use crate::support::{Running, Tenant, new_batch, text, wait};

#[test]
fn what_is_new_is_pushed_by_the_schedule_until_it_is_accepted_and_never_again() {
    let tenant = Tenant::new();
    let running = Running::start();
    let body = json!({ "url": running.receiver.url() });
    let made = tenant.client.call("callback.put", &[]).json(&body).read(201);
    let secret = text(&made["secret"]);
    running.receiver.next([Manner::Says(503, "")]);
    let create = || text(&tenant.client.call("batches.create", &[]).json(&new_batch(1)).read(200)["id"]);
    let batches = [create(), create()];
    // Numbered, so that one page has both.
    wait(
        || tenant.client.call("events.list", &[]).read(200),
        |page| page["items"].as_array().is_some_and(|items| items.len() == 2),
    );
    // Refused: it is recorded, and the callback is no further.
    let shown = || tenant.client.call("callback.get", &[]).read(200);
    let attempts = |shown: &Value, count: usize| shown["attempts"].as_array().is_some_and(|all| all.len() == count);
    let refused = wait(shown, |shown| attempts(shown, 1));
    assert_eq!((&refused["attempts"][0]["status"], &refused["lastSequence"]), (&json!(503), &json!(0)));
    assert!(refused["failingSince"].is_string());

    // Accepted: the same page once more, and the callback is as far as that page.
    let accepted = wait(shown, |shown| attempts(shown, 2));
    assert_eq!((&accepted["attempts"][0]["accepted"], &accepted["failingSince"]), (&json!(true), &Value::Null));
    let posts = running.receiver.posts();
    assert_eq!((posts.len(), posts[0].id(), &posts[0].body), (2, posts[1].id(), &posts[1].body));
    posts.iter().for_each(|post| post.verify(&secret).unwrap());
    let page: Value = serde_json::from_slice(&posts[1].body).unwrap();
    // Behind the two of the page is only what the callback itself is about, of which it is not told.
    assert_eq!(page["lastSequence"], 2);
    assert!(accepted["lastSequence"].as_u64().is_some_and(|last| (2..=4).contains(&last)), "{accepted}");
    let mut told: Vec<String> =
        page["events"].as_array().unwrap().iter().map(|event| text(&event["batchId"])).collect();
    told.sort();
    let mut wanted = batches.to_vec();
    wanted.sort();
    assert_eq!(told, wanted);

    // What is new after that comes alone; what was accepted never again, however often the schedule comes.
    let third = create();
    wait(shown, |shown| attempts(shown, 3));
    let last: Value = serde_json::from_slice(&running.receiver.posts()[2].body).unwrap();
    let told: Vec<&Value> = last["events"].as_array().unwrap().iter().map(|event| &event["batchId"]).collect();
    assert_eq!(told, [&json!(third)]);
    thread::sleep(Duration::from_secs(70));
    assert_eq!(running.receiver.posts().len(), 3);
}
