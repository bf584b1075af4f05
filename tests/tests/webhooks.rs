//! Webhooks: what happens is posted to whoever wants to know, by functions that are killed and to receivers that misbehave.
//!
//! It needs an AWS emulator at `AWS_ENDPOINT_URL` (`make up` starts one).
#![expect(clippy::print_stderr, reason = "a sweep says which cases it ran")]

use std::time::{Duration, Instant};

use aws_sdk_dynamodb::types::AttributeValue;
use futures::future::join_all;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tests::harness::Result;
use tests::harness::audit;
use tests::harness::emulator::Emulator;
use tests::harness::floor::{Answer, Delivery, Floor, Message, Request};
use tests::harness::house::{House, Item, Queue};
use tests::harness::letters::{create, letter};
use tests::harness::proxy::{Fault, Mode, Point};
use tests::harness::receiver::{Manner, Receiver};

/// A webhook of a test.
struct Hook {
    id: String,
    secret: String,
}

async fn floor() -> Result<Floor> {
    Ok(Floor::open(House::build(&Emulator::find().await?, 2).await?))
}

fn request(operation: &'static str, hook: &str, body: Option<Value>) -> Request {
    let (method, path) = match operation {
        "webhooks.create" => ("POST", "/v2/webhooks"),
        "webhooks.list" => ("GET", "/v2/webhooks"),
        "webhooks.get" => ("GET", "/v2/webhooks/{webhookId}"),
        "webhooks.update" => ("PATCH", "/v2/webhooks/{webhookId}"),
        "webhooks.delete" => ("DELETE", "/v2/webhooks/{webhookId}"),
        "webhooks.rotate" => ("POST", "/v2/webhooks/{webhookId}/rotate"),
        "webhooks.attempts" => ("GET", "/v2/webhooks/{webhookId}/attempts"),
        "webhooks.replay" => ("POST", "/v2/webhooks/{webhookId}/replay"),
        _ => ("POST", "/v2/webhooks/{webhookId}/test"),
    };
    let parameters = if hook.is_empty() { Vec::new() } else { vec![("webhookId", hook.to_owned())] };
    Request { operation, method, path, parameters, body, key: None }
}

fn json_of(answer: &Answer) -> Result<Value> {
    Ok(serde_json::from_str(&answer.body)?)
}

async fn hook(floor: &mut Floor, url: &str, types: &[&str]) -> Result<Hook> {
    let body = json!({ "url": url, "eventTypes": types });
    let answer = floor.request(&request("webhooks.create", "", Some(body))).await?;
    if answer.status != 201 {
        return Err(format!("{} {}", answer.status, answer.body).into());
    }
    Ok(Hook { id: answer.text("id"), secret: answer.text("secret") })
}

/// A delivery as the fan-out queues it.
fn delivery(floor: &Floor, hook: &Hook, event: &str, attempt: u32) -> Value {
    json!({
        "webhook": hook.id, "account": floor.house.account, "mode": "live", "event": event, "kind": "batch.mailed",
        "body": format!("{{\"id\":\"{event}\"}}"), "attempt": attempt,
    })
}

async fn deliver(floor: &mut Floor, queue: Queue, body: Value) -> Result<()> {
    if floor.deliver(&Message::of(queue, body)).await? { Ok(()) } else { Err("the delivery is not done".into()) }
}

async fn stored(floor: &Floor, hook: &Hook) -> Result<Item> {
    let pk = format!("WEBHOOKS#{}#live", floor.house.account);
    floor.house.item(&pk, &format!("WEBHOOK#{}", hook.id)).await?.ok_or_else(|| "the webhook is gone".into())
}

async fn set(floor: &Floor, hook: &Hook, name: &str, value: AttributeValue) -> Result<()> {
    let text = |value: String| AttributeValue::S(value);
    let update = floor.house.emulator.dynamodb.update_item().table_name(&floor.house.table);
    update
        .key("pk", text(format!("WEBHOOKS#{}#live", floor.house.account)))
        .key("sk", text(format!("WEBHOOK#{}", hook.id)))
        .update_expression("SET #name = :value")
        .expression_attribute_names("#name", name)
        .expression_attribute_values(":value", value)
        .send()
        .await?;
    Ok(())
}

/// The records of deliveries to a webhook whose sort keys begin so.
async fn records(floor: &Floor, hook: &Hook, prefix: &str) -> Result<Vec<Item>> {
    let mut items = floor.house.partition(&format!("DELIVERIES#{}", hook.id)).await?;
    items.retain(|item| item["sk"].as_str().is_some_and(|sk| sk.starts_with(prefix)));
    Ok(items)
}

async fn disabled_events(floor: &Floor) -> Result<Vec<Item>> {
    let mut items = floor.house.partition(&format!("WEBHOOKS#{}#live", floor.house.account)).await?;
    items.retain(|item| item.get("kind").is_some_and(|kind| kind == "webhook.disabled"));
    Ok(items)
}

#[tokio::test]
async fn what_happens_is_posted_once_and_signed_to_the_webhooks_that_want_it() -> Result<()> {
    let mut floor = floor().await?;
    let (wanting, other) = (Receiver::start().await?, Receiver::start().await?);
    let hooked = hook(&mut floor, &wanting.url(), &["batch.created"]).await?;
    hook(&mut floor, &other.url(), &["batch.mailed"]).await?;
    let batch = floor.request(&create(&floor.house, 3, &[], None)).await?.text("id");
    // The stream brings everything again when a worker died, so that the same is queued again.
    floor.delivery = Delivery::Twice;
    floor.sequence(&format!("BATCH#{batch}")).await?;
    let messages = [floor.take(Queue::Deliver).await?, floor.take(Queue::Deliver).await?];
    for message in &messages {
        assert!(floor.deliver(message).await?);
    }
    let posts = wanting.posts();
    assert_eq!((posts.len(), other.posts().len()), (1, 0));
    posts[0].verify(&hooked.secret)?;
    assert_eq!((posts[0].signatures(), posts[0].path.as_str()), (1, "/hooks"));

    // What is posted is the event as the feed has it.
    let list = Request { parameters: vec![("after", "0".into())], ..request("webhooks.list", "", None) };
    let list = Request { operation: "events.list", path: "/v2/events", ..list };
    let listed = json_of(&floor.request(&list).await?)?;
    let posted: Value = serde_json::from_slice(&posts[0].body)?;
    assert_eq!((&posted, posted["id"].as_str()), (&listed["items"][0], Some(posts[0].id())));
    assert_eq!(posted["type"], "batch.created");

    let attempts = json_of(&floor.request(&request("webhooks.attempts", &hooked.id, None)).await?)?;
    let items = attempts["items"].as_array().ok_or("no items")?;
    assert_eq!(items.len(), 1);
    assert_eq!(
        (&items[0]["status"], &items[0]["delivered"], &items[0]["body"]),
        (&json!(200), &json!(true), &json!("answer"))
    );
    floor.house.take_down().await
}

#[tokio::test]
async fn a_webhook_that_asks_for_recipients_is_told_them_and_no_other_place_has_them() -> Result<()> {
    let mut floor = floor().await?;
    let (asking, other) = (Receiver::start().await?, Receiver::start().await?);
    let hooked = hook(&mut floor, &asking.url(), &["letter.ready", "batch.ready"]).await?;
    hook(&mut floor, &other.url(), &["letter.ready", "batch.ready"]).await?;
    let include = json!({ "include": { "recipient": true } });
    let changed = json_of(&floor.request(&request("webhooks.update", &hooked.id, Some(include))).await?)?;
    assert_eq!(changed["include"], json!({ "recipient": true }));
    let wrong = json!({ "include": { "recipient": "yes" } });
    let refused = floor.request(&request("webhooks.update", &hooked.id, Some(wrong))).await?;
    assert_eq!((refused.status, refused.body.contains("/include/recipient")), (422, true));

    let content = [letter("LETTER01", "reportlab.pdf", 1), letter("LETTER02", "reportlab.pdf", 1)];
    let batch = floor.request(&create(&floor.house, 2, &content, None)).await?.text("id");
    floor.drain(None).await?;
    floor.sequence(&format!("BATCH#{batch}")).await?;
    floor.drain(None).await?;
    let news = |receiver: &Receiver| -> Vec<Value> {
        receiver.posts().iter().filter_map(|post| serde_json::from_slice(&post.body).ok()).collect()
    };
    let (told, not_told) = (news(&asking), news(&other));
    assert_eq!((told.len(), not_told.len()), (3, 3));
    for one in &told {
        let recipient = one["letterRefId"].is_string().then(|| {
            json!({ "name1": "Jane Doe", "address1": "1300 Perdido St", "city": "New Orleans", "state": "LA",
                    "postalCode": "70112", "country": "US" })
        });
        assert_eq!(one.get("recipient"), recipient.as_ref(), "{one}");
        let mut bare = one.clone();
        bare.as_object_mut().ok_or("no object")?.remove("recipient");
        assert!(not_told.contains(&bare), "the other webhook is told the same but for that");
    }
    assert!(not_told.iter().all(|one| one.get("recipient").is_none() && one.get("signature").is_none()));
    let list = Request { parameters: vec![("after", "0".into())], ..request("webhooks.list", "", None) };
    let list = Request { operation: "events.list", path: "/v2/events", ..list };
    assert!(!floor.request(&list).await?.body.contains("Jane"));
    for (_, event) in audit::logged(&floor.house).await? {
        assert!(!Value::Object(event).to_string().contains("Jane"));
    }

    // What is delivered again has it too.
    let event = told[0]["id"].clone();
    let replayed = floor.request(&request("webhooks.replay", &hooked.id, Some(json!({ "eventId": event })))).await?;
    assert_eq!(replayed.status, 202);
    floor.drain(None).await?;
    assert_eq!(news(&asking).last(), Some(&told[0]), "the same bytes");
    floor.house.take_down().await
}

#[tokio::test]
async fn a_name_that_leads_to_this_machine_is_not_connected_to_where_that_is_not_allowed() -> Result<()> {
    let mut floor = floor().await?;
    // One host is allowed, at which nobody is: so that a name of this machine is as private as any in the cloud.
    floor.house.outbound_allow = "192.0.2.1".to_owned();
    let receiver = Receiver::start().await?;
    let hooked = hook(&mut floor, &receiver.url_by_name(), &["*"]).await?;
    let tested = json_of(&floor.request(&request("webhooks.test", &hooked.id, None)).await?)?;
    assert_eq!((&tested["delivered"], &tested["failure"]), (&json!(false), &json!("address_not_public")));
    let batch = floor.request(&create(&floor.house, 3, &[], None)).await?.text("id");
    floor.sequence(&format!("BATCH#{batch}")).await?;
    let message = floor.take(Queue::Deliver).await?;
    assert!(floor.deliver(&message).await?);
    let attempts = records(&floor, &hooked, "ATTEMPT#").await?;
    assert_eq!((attempts.len(), &attempts[0]["failure"]), (1, &json!("address_not_public")));
    assert!(receiver.posts().is_empty() && receiver.connections() == 0, "nobody knocked");
    // Its address is refused when it is given.
    let literal = json!({ "url": receiver.url() });
    assert_eq!(floor.request(&request("webhooks.create", "", Some(literal))).await?.status, 422);

    // Where this machine is allowed, the same name is connected to.
    floor.house.outbound_allow = "127.0.0.0/8,::1".to_owned();
    floor.redeploy(2);
    let tested = json_of(&floor.request(&request("webhooks.test", &hooked.id, None)).await?)?;
    assert_eq!(tested["delivered"], true, "{tested}");
    assert_eq!(receiver.posts().len(), 1);
    floor.house.take_down().await
}

#[tokio::test]
async fn a_deployment_whose_key_was_replaced_still_signs_with_the_secrets_it_gave_out() -> Result<()> {
    let mut floor = floor().await?;
    let receiver = Receiver::start().await?;
    let before = hook(&mut floor, &receiver.url(), &["*"]).await?;
    let new = "another-key-that-seals-the-secrets-of-these-tests-from-now-on";
    floor.house.signing_keys = format!("{new} {}", floor.house.signing_keys);
    floor.redeploy(2);
    let after = hook(&mut floor, &receiver.url(), &["*"]).await?;
    for hooked in [&before, &after] {
        assert_eq!(floor.request(&request("webhooks.test", &hooked.id, None)).await?.status, 200);
        receiver.posts().last().ok_or("nothing came")?.verify(&hooked.secret)?;
    }
    // Without the old one, what it sealed does not open; what the new one sealed does.
    floor.house.signing_keys = new.to_owned();
    floor.redeploy(2);
    assert_eq!(floor.request(&request("webhooks.test", &before.id, None)).await?.status, 500);
    assert_eq!(floor.request(&request("webhooks.test", &after.id, None)).await?.status, 200);
    floor.house.take_down().await
}

#[tokio::test]
async fn a_secret_that_was_replaced_signs_beside_the_new_one() -> Result<()> {
    let mut floor = floor().await?;
    let receiver = Receiver::start().await?;
    let hooked = hook(&mut floor, &receiver.url(), &["*"]).await?;
    let rotated = floor.request(&request("webhooks.rotate", &hooked.id, None)).await?;
    let secret = rotated.text("secret");
    assert!(rotated.status == 200 && secret != hooked.secret);
    let tested = json_of(&floor.request(&request("webhooks.test", &hooked.id, None)).await?)?;
    assert_eq!((&tested["delivered"], &tested["status"]), (&json!(true), &json!(200)));
    let posts = receiver.posts();
    assert_eq!(posts[0].signatures(), 2);
    posts[0].verify(&hooked.secret)?;
    posts[0].verify(&secret)?;
    let sample: Value = serde_json::from_slice(&posts[0].body)?;
    assert_eq!(sample["data"]["sample"], "true");

    // Neither secret is to be found anywhere.
    let item = Value::Object(stored(&floor, &hooked).await?).to_string();
    let shown = floor.request(&request("webhooks.get", &hooked.id, None)).await?.body;
    for secret in [&hooked.secret, &secret] {
        let bare = secret.trim_start_matches("whsec_");
        assert!(!item.contains(bare) && !shown.contains(bare));
    }
    for _ in 0..3 {
        assert_eq!(floor.request(&request("webhooks.rotate", &hooked.id, None)).await?.status, 200);
    }
    assert_eq!(floor.request(&request("webhooks.rotate", &hooked.id, None)).await?.status, 409);
    floor.house.take_down().await
}

#[tokio::test]
async fn whatever_is_no_2xx_is_tried_again_and_a_success_clears_the_slate() -> Result<()> {
    let mut floor = floor().await?;
    let receiver = Receiver::start().await?;
    let hooked = hook(&mut floor, &receiver.url(), &["*"]).await?;
    receiver.next([
        Manner::Says(500, ""),
        Manner::Says(302, "location: http://127.0.0.1:1/\r\n"),
        Manner::Says(429, "retry-after: 7200\r\n"),
    ]);
    for (attempt, status) in [(1, 500), (2, 302), (3, 429)] {
        let body = delivery(&floor, &hooked, "evt_0A", attempt);
        deliver(&mut floor, Queue::DeliverPatiently, body).await?;
        let found = records(&floor, &hooked, "ATTEMPT#").await?;
        assert_eq!((found.len(), &found[attempt as usize - 1]["status"]), (attempt as usize, &json!(status)));
        assert_eq!(stored(&floor, &hooked).await?["failures"], attempt);
    }
    // The first two wait on the queue. The third was asked to wait for two hours, which no queue can.
    assert_eq!(floor.held(Queue::DeliverPatiently).await?, 2);
    let retries = records(&floor, &hooked, "RETRY#").await?;
    assert_eq!((retries.len(), &retries[0]["delivery"]["attempt"]), (1, &json!(4)));
    let due: Timestamp = retries[0]["due"].as_str().ok_or("no time")?.parse()?;
    assert!(due > Timestamp::now() + SignedDuration::from_mins(119));

    // While it rests, nothing is posted to it.
    let other = delivery(&floor, &hooked, "evt_0B", 1);
    deliver(&mut floor, Queue::DeliverPatiently, other.clone()).await?;
    assert_eq!((receiver.posts().len(), records(&floor, &hooked, "RETRY#").await?.len()), (3, 2));
    set(&floor, &hooked, "restsUntil", AttributeValue::S(Timestamp::now().to_string())).await?;
    deliver(&mut floor, Queue::DeliverPatiently, other).await?;
    assert_eq!(receiver.posts().len(), 4);
    let clean = stored(&floor, &hooked).await?;
    assert!(["failures", "failingSince", "restsUntil"].iter().all(|name| !clean.contains_key(*name)), "{clean:?}");
    assert!(receiver.posts()[..3].iter().all(|post| post.id() == "evt_0A"));
    floor.house.take_down().await
}

#[tokio::test]
async fn a_receiver_that_lies_hangs_up_or_is_not_there_fails() -> Result<()> {
    let mut floor = floor().await?;
    let receiver = Receiver::start().await?;
    let hooked = hook(&mut floor, &receiver.url(), &["*"]).await?;
    receiver.next([Manner::Lies, Manner::HangsUp]);
    for event in ["evt_0A", "evt_0B"] {
        let body = delivery(&floor, &hooked, event, 1);
        deliver(&mut floor, Queue::DeliverPatiently, body).await?;
    }
    let gone = Receiver::start().await?.url();
    let changed = floor.request(&request("webhooks.update", &hooked.id, Some(json!({ "url": gone })))).await?;
    assert_eq!(changed.status, 200);
    let body = delivery(&floor, &hooked, "evt_0C", 1);
    deliver(&mut floor, Queue::DeliverPatiently, body).await?;
    let found = records(&floor, &hooked, "ATTEMPT#").await?;
    let failures: Vec<_> = found.iter().map(|item| item["failure"].as_str().unwrap_or_default()).collect();
    assert_eq!(failures, ["answer_broken_off", "answer_malformed", "no_connection"]);
    floor.house.take_down().await
}

#[tokio::test]
async fn who_answers_410_is_disabled_once_and_told_nothing_more() -> Result<()> {
    let mut floor = floor().await?;
    let receiver = Receiver::start().await?;
    let hooked = hook(&mut floor, &receiver.url(), &["*"]).await?;
    receiver.always(Some(Manner::Says(410, "")));
    floor.delivery = Delivery::AtOnce;
    let body = delivery(&floor, &hooked, "evt_0A", 1);
    deliver(&mut floor, Queue::Deliver, body).await?;
    floor.delivery = Delivery::Once;
    let posts = receiver.posts().len();
    let body = delivery(&floor, &hooked, "evt_0B", 1);
    deliver(&mut floor, Queue::Deliver, body).await?;
    assert_eq!(receiver.posts().len(), posts);
    let events = disabled_events(&floor).await?;
    assert_eq!((events.len(), &events[0]["data"]["reason"]), (1, &json!("gone")));
    let shown = json_of(&floor.request(&request("webhooks.get", &hooked.id, None)).await?)?;
    assert_eq!((&shown["state"], &shown["disabledBecause"]), (&json!("disabled"), &json!("gone")));
    assert_eq!(floor.held(Queue::DeliverPatiently).await?, 0);

    // It can be enabled again, and other webhooks are told that it was disabled.
    let other = hook(&mut floor, &receiver.url(), &["webhook.disabled"]).await?;
    let pk = format!("WEBHOOKS#{}#live", floor.house.account);
    floor.sequence(&pk).await?;
    let told = floor.take(Queue::Deliver).await?;
    assert_eq!((&told.body()["webhook"], &told.body()["kind"]), (&json!(other.id), &json!("webhook.disabled")));
    let enabled = floor.request(&request("webhooks.update", &hooked.id, Some(json!({ "state": "enabled" })))).await?;
    assert_eq!(json_of(&enabled)?.get("disabledBecause"), None);
    floor.house.take_down().await
}

#[tokio::test]
async fn who_took_nothing_for_three_days_is_disabled_with_an_event() -> Result<()> {
    let mut floor = floor().await?;
    let receiver = Receiver::start().await?;
    let hooked = hook(&mut floor, &receiver.url(), &["*"]).await?;
    receiver.always(Some(Manner::Says(503, "")));
    for (hours, disabled) in [(71, 0), (73, 1)] {
        let since = Timestamp::now() - SignedDuration::from_hours(hours);
        set(&floor, &hooked, "failingSince", AttributeValue::S(since.to_string())).await?;
        let body = delivery(&floor, &hooked, &format!("evt_{hours}"), 5);
        deliver(&mut floor, Queue::DeliverPatiently, body).await?;
        assert_eq!(disabled_events(&floor).await?.len(), disabled);
    }
    assert_eq!(disabled_events(&floor).await?[0]["data"]["reason"], "failing");
    floor.house.take_down().await
}

#[tokio::test]
async fn one_that_hangs_delays_nobody_else() -> Result<()> {
    let mut floor = floor().await?;
    let (dead, healthy) = (Receiver::start().await?, Receiver::start().await?);
    dead.always(Some(Manner::Waits(Duration::from_secs(60))));
    let hanging = hook(&mut floor, &dead.url(), &["*"]).await?;
    let prompt = hook(&mut floor, &healthy.url(), &["*"]).await?;
    let record = |floor: &Floor, hook: &Hook, number: usize| {
        let body = delivery(floor, hook, &format!("evt_0{number}"), 1).to_string();
        json!({ "messageId": number.to_string(), "body": body, "eventSource": "aws:sqs" })
    };
    // Nine to the dead one are in the same batch as one to the healthy one, which is the last of them.
    let mut records: Vec<_> = (0..9).map(|number| record(&floor, &hanging, number)).collect();
    records.push(record(&floor, &prompt, 9));
    let event = json!({ "Records": records });
    let began = Instant::now();
    let (answer, posts) =
        tokio::join!(floor.invoke("webhooks.deliver", &event), healthy.wait_for(1, Duration::from_secs(5)));
    let (worked, delivered) = (began.elapsed(), posts?[0].at - began);
    assert_eq!(answer?["batchItemFailures"], json!([]));
    assert!(delivered < Duration::from_secs(2), "delivered after {delivered:?}");
    assert!(worked < Duration::from_secs(6), "the lane of the prompt was held up for {worked:?}");
    // The nine moved to the other lane, and what comes next goes there at once.
    assert_eq!(floor.held(Queue::DeliverPatiently).await?, 9);
    let next = delivery(&floor, &hanging, "evt_0B", 1);
    let began = Instant::now();
    deliver(&mut floor, Queue::Deliver, next).await?;
    assert!(began.elapsed() < Duration::from_secs(2));
    assert_eq!((floor.held(Queue::DeliverPatiently).await?, dead.posts().len()), (10, 9));

    // There it has its time, and is prompt again once it is.
    dead.always(Some(Manner::Waits(Duration::from_secs(4))));
    let body = delivery(&floor, &hanging, "evt_00", 1);
    deliver(&mut floor, Queue::DeliverPatiently, body).await?;
    assert_eq!(stored(&floor, &hanging).await?["slow"], true);
    dead.always(None);
    let body = delivery(&floor, &hanging, "evt_01", 1);
    deliver(&mut floor, Queue::DeliverPatiently, body).await?;
    assert_eq!(stored(&floor, &hanging).await?["slow"], false);
    floor.house.take_down().await
}

#[tokio::test]
async fn one_that_fails_again_and_again_is_probed_by_one_delivery_at_a_time() -> Result<()> {
    let mut floor = floor().await?;
    let receiver = Receiver::start().await?;
    let hooked = hook(&mut floor, &receiver.url(), &["*"]).await?;
    set(&floor, &hooked, "failures", AttributeValue::N("3".into())).await?;
    receiver.always(Some(Manner::Waits(Duration::from_secs(1))));
    let body = |floor: &Floor, number: usize| delivery(floor, &hooked, &format!("evt_0{number}"), 1).to_string();
    let records: Vec<_> = (0..10)
        .map(
            |number| json!({ "messageId": number.to_string(), "body": body(&floor, number), "eventSource": "aws:sqs" }),
        )
        .collect();
    floor.invoke("webhooks.deliver_patiently", &json!({ "Records": records })).await?;
    assert_eq!((receiver.posts().len(), floor.held(Queue::DeliverPatiently).await?), (1, 9));
    assert!(!stored(&floor, &hooked).await?.contains_key("failures"), "the probe succeeded");
    floor.house.take_down().await
}

#[tokio::test]
async fn deliveries_whose_time_has_come_are_queued_whatever_kills_the_worker() -> Result<()> {
    let mut floor = floor().await?;
    let receiver = Receiver::start().await?;
    receiver.always(Some(Manner::Says(500, "")));
    let hooked = hook(&mut floor, &receiver.url(), &["*"]).await?;
    let calls = floor.invoke_struck("webhooks.queue_retries", &json!({}), None).await?.calls.len() + 3;
    for call in 1..=calls {
        for mode in [Mode::KilledBefore, Mode::KilledAfter] {
            let event = format!("evt_{call}{}", u8::from(mode == Mode::KilledBefore));
            set(&floor, &hooked, "failures", AttributeValue::N("0".into())).await?;
            set(&floor, &hooked, "restsUntil", AttributeValue::S(Timestamp::UNIX_EPOCH.to_string())).await?;
            let body = delivery(&floor, &hooked, &event, 3);
            deliver(&mut floor, Queue::DeliverPatiently, body).await?;
            let [retry] = records(&floor, &hooked, "RETRY#").await?.try_into().map_err(|_| "not one retry")?;
            // Not yet.
            let before = floor.held(Queue::DeliverPatiently).await?;
            assert_eq!(floor.invoke("webhooks.queue_retries", &json!({})).await?, 0);
            due(&floor, &retry).await?;
            let fault = Fault { point: Point::Number(call), mode };
            floor.invoke_struck("webhooks.queue_retries", &json!({}), Some(fault)).await?;
            floor.invoke("webhooks.queue_retries", &json!({})).await?;
            let left = records(&floor, &hooked, "RETRY#").await?;
            let queued = floor.held(Queue::DeliverPatiently).await? - before;
            assert!(left.is_empty() && (1..=2).contains(&queued), "{call} {mode:?}: {queued} queued, {left:?} left");
        }
    }
    floor.house.take_down().await
}

/// Has the time of a retry come.
async fn due(floor: &Floor, retry: &Item) -> Result<()> {
    let text = |name: &str| AttributeValue::S(retry[name].as_str().unwrap_or_default().to_owned());
    let then = Timestamp::now() - SignedDuration::from_secs(1);
    let update = floor.house.emulator.dynamodb.update_item().table_name(&floor.house.table);
    update
        .key("pk", text("pk"))
        .key("sk", text("sk"))
        .update_expression("SET due = :due, gsi2sk = :listed")
        .expression_attribute_values(":due", AttributeValue::S(then.to_string()))
        .expression_attribute_values(":listed", AttributeValue::S(format!("{:013}#x", then.as_millisecond())))
        .send()
        .await?;
    Ok(())
}

#[tokio::test]
async fn a_fault_at_any_call_of_a_delivery_loses_nothing_and_repeats_under_the_same_identifier() -> Result<()> {
    let mut floor = floor().await?;
    let receiver = Receiver::start().await?;
    let mut cases = 0;
    // How the receiver answers, which attempt it is, and whether another must follow.
    for (status, attempt, follows) in [(200, 1, false), (503, 3, true), (410, 1, false), (503, 10, false)] {
        receiver.always(Some(Manner::Says(status, "")));
        let mut call = 0;
        loop {
            call += 1;
            let mut calls = 0;
            for mode in [Mode::KilledBefore, Mode::KilledAfter, Mode::AnswerLost] {
                let hooked = hook(&mut floor, &receiver.url(), &["*"]).await?;
                let before = receiver.posts().len();
                let body = delivery(&floor, &hooked, "evt_0A", attempt);
                let message = Message::of(Queue::DeliverPatiently, body);
                let fault = Fault { point: Point::Number(call), mode };
                let struck = floor.deliver_struck(&message, Some(fault)).await?;
                calls = struck.calls.len();
                if struck.answer != Some(true) && !floor.deliver(&message).await? {
                    return Err(format!("{status} {call} {mode:?}: never done").into());
                }
                let case = format!("{status}, attempt {attempt}, call {call}, {mode:?}");
                let posts = receiver.posts().split_off(before);
                assert!((1..=2).contains(&posts.len()), "{case}: {} posts", posts.len());
                assert!(
                    posts.iter().all(|post| post.id() == "evt_0A" && post.verify(&hooked.secret).is_ok()),
                    "{case}"
                );
                let attempts = records(&floor, &hooked, "ATTEMPT#").await?;
                let retries = records(&floor, &hooked, "RETRY#").await?;
                let gone = status == 410;
                // A webhook that was disabled before its attempt was recorded is not told again, so that the record is missing.
                assert!(attempts.len() == 1 || gone && attempts.is_empty(), "{case}: {attempts:?}");
                assert_eq!(retries.len(), usize::from(follows), "{case}");
                assert_eq!(stored(&floor, &hooked).await?["state"] == "disabled", gone, "{case}");
                assert_eq!(floor.request(&request("webhooks.delete", &hooked.id, None)).await?.status, 204);
                cases += 1;
            }
            if call >= calls {
                break;
            }
        }
    }
    let disabled = disabled_events(&floor).await?;
    let mut hooks: Vec<_> = disabled.iter().map(|event| event["data"]["webhookId"].clone()).collect();
    hooks.dedup();
    assert_eq!(hooks.len(), disabled.len(), "each was disabled once");
    eprintln!("{cases} cases");
    floor.house.take_down().await
}

#[tokio::test]
async fn a_fault_at_any_call_of_the_fan_out_loses_no_delivery() -> Result<()> {
    let mut floor = floor().await?;
    let receiver = Receiver::start().await?;
    let mut call = 0;
    hook(&mut floor, &receiver.url(), &["batch.created"]).await?;
    hook(&mut floor, &receiver.url(), &["*"]).await?;
    loop {
        call += 1;
        let mut calls = 0;
        for mode in [Mode::KilledBefore, Mode::KilledAfter] {
            let before = receiver.posts().len();
            let batch = floor.request(&create(&floor.house, 3, &[], None)).await?.text("id");
            let pk = format!("BATCH#{batch}");
            let struck = floor.sequence_struck(&pk, Some(Fault { point: Point::Number(call), mode })).await?;
            calls = struck.calls.len();
            if struck.answer.is_none() {
                floor.sequence(&pk).await?;
            }
            floor.drain(Some(Queue::Deliver)).await?;
            let posts = receiver.posts().split_off(before);
            assert_eq!(posts.len(), 2, "call {call}, {mode:?}: each webhook is told once");
        }
        if call >= calls {
            eprintln!("{call} calls");
            return floor.house.take_down().await;
        }
    }
}

#[tokio::test]
async fn what_happened_before_is_delivered_again_under_its_own_identifier() -> Result<()> {
    let mut floor = floor().await?;
    let receiver = Receiver::start().await?;
    let hooked = hook(&mut floor, &receiver.url(), &["batch.mailed"]).await?;
    let began = Timestamp::now();
    for _ in 0..3 {
        let batch = floor.request(&create(&floor.house, 3, &[], None)).await?.text("id");
        floor.sequence(&format!("BATCH#{batch}")).await?;
    }
    let list = Request { operation: "events.list", path: "/v2/events", ..request("webhooks.list", "", None) };
    let listed = json_of(&floor.request(&list).await?)?;
    let id = listed["items"][1]["id"].clone();

    // One that is named is delivered although the webhook is not told of its type.
    let replay =
        Request { key: Some("once".into()), ..request("webhooks.replay", &hooked.id, Some(json!({ "eventId": id }))) };
    let replayed = floor.request(&replay).await?;
    assert_eq!((replayed.status, &json_of(&replayed)?["deliveries"]), (202, &json!(1)));
    assert!(floor.request(&replay).await?.repeats(&replayed));
    floor.drain(Some(Queue::Deliver)).await?;
    assert_eq!(receiver.posts().len(), 1);
    assert_eq!(json!(receiver.posts()[0].id()), id);

    // Those of a time are those that it is told of.
    let between = json!({ "from": began.to_string() });
    let replay = request("webhooks.replay", &hooked.id, Some(between));
    assert_eq!(json_of(&floor.request(&replay).await?)?["deliveries"], 0);
    let all = json!({ "eventTypes": ["*"] });
    floor.request(&request("webhooks.update", &hooked.id, Some(all))).await?;
    assert_eq!(json_of(&floor.request(&replay).await?)?["deliveries"], 3);
    floor.drain(Some(Queue::Deliver)).await?;
    let mut ids: Vec<_> = receiver.posts().iter().map(|post| post.id().to_owned()).collect();
    ids.sort();
    ids.dedup();
    assert_eq!((receiver.posts().len(), ids.len()), (4, 3));

    let unknown = json!({ "eventId": "evt_0ZZZZZZZZZZZZZZZZZZZZZZZ" });
    assert_eq!(floor.request(&request("webhooks.replay", &hooked.id, Some(unknown))).await?.status, 404);
    assert_eq!(floor.request(&request("webhooks.replay", &hooked.id, Some(json!({})))).await?.status, 422);
    floor.house.take_down().await
}

#[tokio::test]
async fn there_may_be_ten_webhooks_also_when_more_are_created_at_once() -> Result<()> {
    let floor = floor().await?;
    let body = json!({ "url": "http://127.0.0.1:9/", "description": "of many" });
    let event = floor.event(&request("webhooks.create", "", Some(body)));
    let one = async || -> Result<u64> {
        let mut floor = Floor::open(floor.house.clone());
        let answer = floor.invoke("webhooks.create", &event).await?;
        answer["statusCode"].as_u64().ok_or_else(|| "no status".into())
    };
    let statuses = join_all((0..13).map(|_| one())).await.into_iter().collect::<Result<Vec<_>>>()?;
    let created = statuses.iter().filter(|status| **status == 201).count();
    assert_eq!((created, statuses.iter().filter(|status| **status == 409).count()), (10, 3));
    let mut floor = floor;
    let listed = json_of(&floor.request(&request("webhooks.list", "", None)).await?)?;
    let items = listed["items"].as_array().ok_or("no items")?;
    assert_eq!(items.len(), 10);
    let first = items[0]["id"].as_str().unwrap_or_default();
    assert_eq!(floor.request(&request("webhooks.delete", first, None)).await?.status, 204);
    assert_eq!(floor.request(&request("webhooks.delete", first, None)).await?.status, 404);
    hook(&mut floor, "http://127.0.0.1:9/", &["*"]).await?;
    floor.house.take_down().await
}

#[tokio::test]
async fn a_webhook_names_every_fault_and_no_address_that_only_we_can_reach() -> Result<()> {
    let mut floor = floor().await?;
    let body = json!({ "url": "http://10.0.0.1/", "eventTypes": ["batch.lost", 3], "description": "x".repeat(201), "state": "on" });
    let answer = floor.request(&request("webhooks.create", "", Some(body))).await?;
    let faults = json_of(&answer)?;
    let pointers: Vec<_> =
        faults["errors"].as_array().into_iter().flatten().map(|fault| fault["pointer"].clone()).collect();
    assert_eq!(answer.status, 422);
    assert_eq!(json!(pointers), json!(["/url", "/eventTypes/0", "/eventTypes/1", "/description", "/state"]));
    for url in
        ["https://169.254.169.254/latest/", "https://[::ffff:127.0.0.1]/", "https://[::1]/", "ftp://example.com/", ""]
    {
        let answer = floor.request(&request("webhooks.create", "", Some(json!({ "url": url })))).await?;
        assert_eq!(answer.status, 422, "{url}");
    }
    floor.house.take_down().await
}
