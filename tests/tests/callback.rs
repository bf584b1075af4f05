//! The callback push: everything that is wanted, in order, and nothing again once it was accepted.
//!
//! It needs an AWS emulator at `AWS_ENDPOINT_URL` (`make up` starts one).

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_sqs::types::QueueAttributeName;
use serde_json::{Value, json};
use tests::harness::Result;
use tests::harness::audit::{self, number, text};
use tests::harness::emulator::Emulator;
use tests::harness::floor::{Answer, Floor, Request};
use tests::harness::house::{House, Queue};
use tests::harness::letters::{create, letter};
use tests::harness::proxy::{Fault, Mode, Point};
use tests::harness::receiver::{Manner, Post, Receiver};
use tests::harness::runtime::Outcome;

/// A house with a batch, and a receiver that the account's callback names.
struct Client {
    floor: Floor,
    receiver: Receiver,
    batch: String,
    secret: String,
    events: u32,
    /// What the receiver was told to answer, and after how many posts it was told.
    told: Vec<(usize, Manner)>,
}

fn request(operation: &'static str, method: &'static str, body: Option<Value>) -> Request {
    let path = if operation == "callback.test" { "/v2/callback/test" } else { "/v2/callback" };
    Request { operation, method, path, parameters: Vec::new(), body, key: None }
}

fn read(answer: &Answer, status: u64) -> Result<Value> {
    if answer.status == status {
        Ok(serde_json::from_str(&answer.body).unwrap_or_default())
    } else {
        Err(format!("{} {}", answer.status, answer.body).into())
    }
}

fn json(post: &Post) -> Value {
    serde_json::from_slice(&post.body).unwrap_or_default()
}

fn says(status: u16) -> Manner {
    Manner::Says(status, "")
}

impl Client {
    async fn new(include: Value) -> Result<Self> {
        let mut floor = Floor::open(House::build(&Emulator::find().await?, 2).await?);
        let receiver = Receiver::start().await?;
        let batch = floor.request(&create(&floor.house, 3, &[], None)).await?.text("id");
        floor.sequence(&format!("BATCH#{batch}")).await?;
        let body = json!({ "url": receiver.url(), "include": include });
        let made = read(&floor.request(&request("callback.put", "PUT", Some(body))).await?, 201)?;
        assert_eq!(made["lastSequence"], 1, "what happened before is not told");
        let secret = made["secret"].as_str().unwrap_or_default().to_owned();
        Ok(Client { floor, receiver, batch, secret, events: 0, told: Vec::new() })
    }

    /// Has the next posts answered so.
    fn answer(&mut self, manners: &[Manner]) {
        let posts = self.receiver.posts().len();
        self.told.extend(manners.iter().map(|manner| (posts, manner.clone())));
        self.receiver.next(manners.iter().cloned());
    }

    /// The posts that were answered with a 2xx, to the end.
    fn accepted(&self) -> Vec<Post> {
        let (mut told, mut waiting) = (self.told.iter().peekable(), VecDeque::new());
        let mut accepted = Vec::new();
        for (number, post) in self.receiver.posts().into_iter().enumerate() {
            while let Some((_, manner)) = told.next_if(|(after, _)| *after <= number) {
                waiting.push_back(manner);
            }
            if matches!(waiting.pop_front(), None | Some(Manner::Says(200..=299, _) | Manner::Waits(_))) {
                accepted.push(post);
            }
        }
        accepted
    }

    /// Has something happen to so many letters, at once, and be numbered.
    async fn happen(&mut self, letters: usize) -> Result<()> {
        let house = &self.floor.house;
        let s = |value: &str| AttributeValue::S(value.to_owned());
        let entry = |number: usize| AttributeValue::M([("letter".to_owned(), s(&format!("L{number:07}")))].into());
        let id = format!("evt_{:024}", self.events);
        self.events += 1;
        house
            .emulator
            .dynamodb
            .put_item()
            .table_name(&house.table)
            .item("pk", s(&format!("BATCH#{}", self.batch)))
            .item("sk", s(&format!("EVENT#{id}")))
            .item("id", s(&id))
            .item("kind", s("letter.tracked"))
            .item("at", s("2026-06-01T00:00:00Z"))
            .item("account", s(&house.account))
            .item("mode", s("live"))
            .item("batch", s(&self.batch))
            .item("entries", AttributeValue::L((0..letters).map(entry).collect()))
            .send()
            .await?;
        self.floor.sequence(&format!("BATCH#{}", self.batch)).await
    }

    fn message(&self, body: &Value) -> Value {
        json!({ "Records": [{ "messageId": "1", "receiptHandle": "1", "body": body.to_string(), "attributes": {},
                              "messageAttributes": {}, "eventSource": "aws:sqs" }] })
    }

    /// The message of an interval.
    fn interval(&self) -> Value {
        self.message(&json!({ "account": self.floor.house.account, "mode": "live" }))
    }

    /// A run, as at an interval.
    async fn run(&self) -> Result<()> {
        let mut pusher = self.floor.house.function("callbacks.push", None).await?;
        match pusher.invoke(&self.interval()).await? {
            Outcome::Answered(_) => Ok(()),
            Outcome::Killed => Err("it was killed".into()),
        }
    }

    /// Ends the lease of a run that died.
    async fn end_lease(&self) -> Result<()> {
        let house = &self.floor.house;
        let s = |value: &str| AttributeValue::S(value.to_owned());
        let update = house.emulator.dynamodb.update_item().table_name(&house.table);
        update
            .key("pk", s(&format!("CALLBACK#{}#live", house.account)))
            .key("sk", s("CALLBACK"))
            .update_expression("REMOVE #owner, leasedUntil")
            .expression_attribute_names("#owner", "owner")
            .send()
            .await?;
        Ok(())
    }

    async fn shown(&mut self) -> Result<Value> {
        read(&self.floor.request(&request("callback.get", "GET", None)).await?, 200)
    }

    /// The last number of the log.
    async fn last(&self) -> Result<u64> {
        let house = &self.floor.house;
        let counter = house.item(&format!("LOG#{}#live", house.account), "COUNTER").await?.unwrap_or_default();
        Ok(number(&counter, "last"))
    }

    /// Checks what came: each post is signed, what has the same identifier has the same bytes, and what was accepted is all
    /// that happened since the callback was set up, in order, each once but for whole pushes that were repeated.
    async fn audit(&self, kinds: &[&str]) -> Result<()> {
        let posts = self.receiver.posts();
        let mut pushes = BTreeMap::<&str, &Post>::new();
        for post in &posts {
            post.verify(&self.secret)?;
            assert_eq!(json(post)["id"], post.id());
            if let Some(before) = pushes.insert(post.id(), post) {
                assert_eq!(before.body, post.body, "a push that is repeated is the same");
            }
        }
        let mut accepted = Vec::<Post>::new();
        for post in self.accepted() {
            if !accepted.iter().any(|before| before.id() == post.id()) {
                accepted.push(post);
            }
        }
        let told: Vec<u64> = accepted
            .iter()
            .flat_map(|post| json(post)["events"].as_array().cloned().unwrap_or_default())
            .filter_map(|news| news["sequence"].as_u64())
            .collect();
        let house = &self.floor.house;
        let mut wanted = Vec::new();
        for (first, event) in audit::logged(house).await? {
            if first > 1 && kinds.contains(&text(&event, "kind")) {
                wanted.extend(first..first + event.get("entries").and_then(Value::as_array).map_or(1, Vec::len) as u64);
            }
        }
        assert_eq!(told, wanted);
        Ok(())
    }
}

#[tokio::test]
async fn who_asks_for_recipients_is_told_them_and_otherwise_nobody_is() -> Result<()> {
    for asked in [true, false] {
        let mut client = Client::new(json!({ "recipient": asked })).await?;
        let content = [letter("LETTER01", "reportlab.pdf", 1), letter("LETTER02", "reportlab.pdf", 1)];
        let batch = client.floor.request(&create(&client.floor.house, 2, &content, None)).await?.text("id");
        client.floor.drain(None).await?;
        client.floor.sequence(&format!("BATCH#{batch}")).await?;
        client.run().await?;
        let posts = client.receiver.posts();
        assert_eq!(posts.len(), 1);
        let page = json(&posts[0]);
        let news = page["events"].as_array().ok_or("no events")?;
        let of_letters: Vec<&Value> = news.iter().filter(|news| news["letterRefId"].is_string()).collect();
        assert_eq!(of_letters.len(), 2, "{news:?}");
        for told in news {
            let name = told["recipient"]["name1"].as_str();
            assert_eq!(name.is_some(), asked && told["letterRefId"].is_string(), "{told}");
        }
        assert_eq!(String::from_utf8_lossy(&posts[0].body).contains("Jane Doe"), asked);
        let tested = read(&client.floor.request(&request("callback.test", "POST", None)).await?, 200)?;
        assert_eq!(tested["samples"].as_array().map(Vec::len), Some(4));
        let samples: Vec<String> =
            client.receiver.posts()[1..].iter().map(|post| String::from_utf8_lossy(&post.body).into_owned()).collect();
        let personal = |sample: &String| sample.contains("SAMPLE ADDRESSEE");
        assert_eq!(samples.iter().filter(|sample| personal(sample)).count(), if asked { 3 } else { 0 });
        assert_eq!(samples.iter().any(|sample| sample.contains("\"signer\":\"SAMPLE SIGNER\"")), asked);
        assert!(samples.iter().any(|sample| sample.contains("letter.signed")));
        client.floor.house.take_down().await?;
    }
    Ok(())
}

#[tokio::test]
async fn news_comes_in_order_in_bounded_pages_and_never_again_once_it_was_accepted() -> Result<()> {
    let mut client = Client::new(json!({})).await?;
    client.happen(700).await?;
    client.happen(1).await?;
    client.happen(499).await?;
    let mut finder = client.floor.house.function("callbacks.find", None).await?;
    let Outcome::Answered(found) = finder.invoke(&json!({})).await? else { return Err("it was killed".into()) };
    assert_eq!(found, json!(1));
    client.floor.drain(Some(Queue::Callback)).await?;
    let pages: Vec<usize> =
        client.receiver.posts().iter().map(|post| json(post)["events"].as_array().map_or(0, Vec::len)).collect();
    assert_eq!(pages, [500, 500, 200]);
    client.audit(&["letter.tracked"]).await?;
    let Outcome::Answered(found) = finder.invoke(&json!({})).await? else { return Err("it was killed".into()) };
    assert_eq!(found, json!(0), "there is nothing new");
    client.run().await?;
    assert_eq!(client.receiver.posts().len(), 3);
    let shown = client.shown().await?;
    assert_eq!(shown["lastSequence"], 1_201);
    assert!(shown["secret"].is_null());
    assert_eq!(shown["attempts"].as_array().map(Vec::len), Some(3));
    client.floor.house.take_down().await
}

#[tokio::test]
async fn whatever_is_no_complete_2xx_leaves_a_page_to_be_sent_again_as_it_was() -> Result<()> {
    let mut client = Client::new(json!({})).await?;
    let redirects = Manner::Says(302, "location: /hooks\r\n");
    let busy = Manner::Says(503, "retry-after: 120\r\n");
    let manners = [says(500), Manner::Lies, Manner::HangsUp, redirects, busy, says(410)];
    client.answer(&manners);
    client.happen(3).await?;
    for (number, _) in manners.iter().enumerate() {
        client.run().await?;
        assert_eq!(client.receiver.posts().len(), number + 1, "a run ends with what is not accepted");
        // What happens meanwhile waits behind it, and does not change it.
        client.happen(2).await?;
    }
    let shown = client.shown().await?;
    assert_eq!(shown["lastSequence"], 1);
    assert!(shown["failingSince"].is_string());
    assert_eq!(shown["attempts"][0]["status"], 410);
    assert_eq!(shown["attempts"][4]["failure"], "answer_broken_off");

    // Each failure had another attempt announced; those that are no longer due do nothing.
    let url = client.floor.house.queue(Queue::Callback).to_owned();
    let name = QueueAttributeName::ApproximateNumberOfMessagesDelayed;
    let asked = client.floor.house.emulator.sqs.get_queue_attributes().queue_url(url).attribute_names(name.clone());
    let delayed = asked.send().await?.attributes.unwrap_or_default();
    assert_eq!(delayed.get(&name).map(String::as_str), Some("6"));
    let id = client.receiver.posts()[0].id().to_owned();
    let again = json!({ "account": client.floor.house.account, "mode": "live", "again": [id, 5] });
    let mut pusher = client.floor.house.function("callbacks.push", None).await?;
    pusher.invoke(&client.message(&again)).await?;
    assert_eq!(client.receiver.posts().len(), 6);
    let again = json!({ "account": client.floor.house.account, "mode": "live", "again": [id, 6] });
    pusher.invoke(&client.message(&again)).await?;
    let ids: BTreeSet<String> = client.receiver.posts().iter().map(|post| post.id().to_owned()).collect();
    assert_eq!((client.receiver.posts().len(), ids.len()), (8, 2), "the page, and one with what happened meanwhile");
    client.floor.sequence(&format!("CALLBACK#{}#live", client.floor.house.account)).await?;
    client.run().await?;
    client.audit(&["letter.tracked"]).await?;
    let shown = client.shown().await?;
    assert_eq!((&shown["failingSince"], &shown["lastSequence"]), (&Value::Null, &json!(client.last().await?)));
    let house = &client.floor.house;
    let logged = audit::logged(house).await?;
    let told: Vec<&str> =
        logged.iter().map(|(_, event)| text(event, "kind")).filter(|kind| kind.starts_with("callback.")).collect();
    assert_eq!(told, ["callback.failing", "callback.recovered"]);
    house.take_down().await
}

#[tokio::test]
async fn runs_that_overlap_send_nothing_twice() -> Result<()> {
    let mut client = Client::new(json!({})).await?;
    client.happen(1_200).await?;
    client.answer(&[(); 3].map(|()| Manner::Waits(Duration::from_millis(700))));
    let [mut one, mut two] = [
        client.floor.house.function("callbacks.push", None).await?,
        client.floor.house.function("callbacks.push", None).await?,
    ];
    let interval = client.interval();
    let (one, two) = tokio::join!(one.invoke(&interval), two.invoke(&interval));
    one?;
    two?;
    assert_eq!(client.receiver.posts().len(), 3);
    client.audit(&["letter.tracked"]).await?;
    client.floor.house.take_down().await
}

#[tokio::test]
async fn a_run_that_dies_at_any_call_loses_nothing_and_repeats_at_most_a_whole_push() -> Result<()> {
    let mut client = Client::new(json!({})).await?;
    client.happen(2).await?;
    let mut pusher = client.floor.house.function("callbacks.push", Some(Vec::new())).await?;
    pusher.invoke(&client.interval()).await?;
    let calls = pusher.proxy().map(|proxy| proxy.arrived()).unwrap_or_default();
    assert!(calls.len() >= 8, "{calls:?}");
    for answered in [true, false] {
        for call in 1..=calls.len() {
            for mode in [Mode::KilledBefore, Mode::KilledAfter, Mode::AnswerLost] {
                client.happen(3).await?;
                if !answered {
                    client.answer(&[says(500)]);
                }
                let fault = Fault { point: Point::Number(call), mode };
                let mut pusher = client.floor.house.function("callbacks.push", Some(vec![fault])).await?;
                let killed = !matches!(pusher.invoke(&client.interval()).await?, Outcome::Answered(_));
                if killed {
                    client.end_lease().await?;
                }
                client.run().await?;
                // A second run, for what the first met with the wrong answer.
                client.run().await?;
            }
        }
    }
    client.run().await?;
    client.audit(&["letter.tracked"]).await?;
    let accepted: Vec<String> = client.accepted().iter().map(|post| post.id().to_owned()).collect();
    let repeated = accepted.len() - accepted.iter().collect::<BTreeSet<_>>().len();
    assert!(repeated > 0, "the sweep strikes between an answer and its record");
    client.floor.house.take_down().await
}

#[tokio::test]
async fn what_is_not_wanted_is_passed_over() -> Result<()> {
    let mut client = Client::new(json!({ "production": true, "postal": false })).await?;
    client.happen(600).await?;
    client.run().await?;
    assert_eq!(client.receiver.posts().len(), 0);
    assert_eq!(client.shown().await?["lastSequence"], 601);
    let change = json!({ "url": client.receiver.url(), "include": { "certifiedOnly": true } });
    read(&client.floor.request(&request("callback.put", "PUT", Some(change))).await?, 200)?;
    client.happen(4).await?;
    client.run().await?;
    assert_eq!(client.receiver.posts().len(), 0, "the batch is not certified");
    let change = json!({ "url": client.receiver.url(), "paused": true });
    read(&client.floor.request(&request("callback.put", "PUT", Some(change))).await?, 200)?;
    client.happen(5).await?;
    client.run().await?;
    assert_eq!(client.receiver.posts().len(), 0, "it is paused");
    let change = json!({ "url": client.receiver.url(), "rotateSecret": true });
    let changed = read(&client.floor.request(&request("callback.put", "PUT", Some(change))).await?, 200)?;
    client.run().await?;
    let received = client.receiver.posts();
    assert_eq!(received.len(), 1);
    assert_eq!(json(&received[0])["events"].as_array().map(Vec::len), Some(5));
    received[0].verify(&client.secret)?;
    received[0].verify(changed["secret"].as_str().unwrap_or_default())?;
    assert_eq!(client.floor.request(&request("callback.delete", "DELETE", None)).await?.status, 204);
    client.happen(1).await?;
    client.run().await?;
    assert_eq!(client.receiver.posts().len(), 1);
    assert_eq!(client.floor.request(&request("callback.get", "GET", None)).await?.status, 404);
    client.floor.house.take_down().await
}

#[tokio::test]
async fn samples_are_marked_signed_and_change_nothing() -> Result<()> {
    let mut client = Client::new(json!({})).await?;
    client.happen(1).await?;
    client.answer(&[says(200), says(404), Manner::Lies, says(201)]);
    let tested = read(&client.floor.request(&request("callback.test", "POST", None)).await?, 200)?;
    let samples = tested["samples"].as_array().cloned().unwrap_or_default();
    assert_eq!(samples.len(), 4);
    assert_eq!(samples.iter().filter(|sample| sample["accepted"] == true).count(), 2);
    assert!(samples.iter().all(|sample| sample["latencyMs"].is_u64() != sample["failure"].is_string()));
    let received = client.receiver.posts();
    assert!(received.iter().all(|post| json(post)["sample"] == true && post.verify(&client.secret).is_ok()));
    assert_eq!(client.shown().await?["lastSequence"], 1);
    assert_eq!(client.shown().await?["attempts"], json!([]));
    client.floor.house.take_down().await
}

#[tokio::test]
async fn a_url_that_leads_into_the_house_is_refused() -> Result<()> {
    let mut client = Client::new(json!({})).await?;
    for url in ["https://169.254.169.254/latest", "https://10.0.0.1/", "https://a:b@example.com/", "x"] {
        let answer = client.floor.request(&request("callback.put", "PUT", Some(json!({ "url": url })))).await?;
        let refused = read(&answer, 422)?;
        assert_eq!(refused["errors"][0]["pointer"], "/url", "{url}: {refused}");
    }
    let nothing = json!({ "url": client.receiver.url(), "include": { "production": false, "postal": false } });
    let refused = read(&client.floor.request(&request("callback.put", "PUT", Some(nothing))).await?, 422)?;
    assert_eq!(refused["errors"][0]["pointer"], "/include");
    client.floor.house.take_down().await
}
