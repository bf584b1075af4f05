//! The limit of requests: every answer tells it, one request too many is refused, and what cannot be counted is served.
//!
//! It needs an AWS emulator at `AWS_ENDPOINT_URL` (`make up` starts one).

use std::time::Duration;

use futures::future::join_all;
use jiff::Timestamp;
use serde_json::json;
use tests::harness::Result;
use tests::harness::emulator::Emulator;
use tests::harness::floor::{Answer, Floor, Request};
use tests::harness::house::House;
use tests::harness::singles::{body, create, list, of};

const SECONDS: i64 = 10;

async fn floor(quota: u32) -> Result<Floor> {
    let mut house = House::build(&Emulator::find().await?, 50).await?;
    house.request_quota = quota;
    Ok(Floor::open(house))
}

/// Waits for the next window, in which nothing has been counted yet.
async fn fresh_window() {
    let now = Timestamp::now().as_millisecond();
    let left = u64::try_from(SECONDS * 1000 - now.rem_euclid(SECONDS * 1000)).unwrap_or(0);
    tokio::time::sleep(Duration::from_millis(left + 50)).await;
}

/// What an answer tells of the limit: how many requests are left, and in how many seconds the next window begins.
fn stands(answer: &Answer) -> Result<(u32, i64)> {
    let told = answer.headers.get("ratelimit").ok_or_else(|| format!("nothing is told: {answer:?}"))?;
    let numbers = told.strip_prefix("\"default\";r=").and_then(|rest| rest.split_once(";t=")).ok_or(told.as_str())?;
    Ok((numbers.0.parse()?, numbers.1.parse()?))
}

#[tokio::test]
async fn every_answer_tells_what_is_left_and_one_too_many_is_refused_until_the_next_window() -> Result<()> {
    let mut floor = floor(4).await?;
    let wanted = body(&floor.house, "reportlab.pdf");
    // The function is up before the window begins.
    floor.request(&list(&[])).await?;
    floor.request(&create(json!({}), None)).await?;
    floor.request(&of("singles.get", "nobody", None)).await?;
    fresh_window().await;

    let mut left = Vec::new();
    for (request, status) in [
        (list(&[]), 200),
        (create(json!({}), None), 422),
        (of("singles.get", "ltr_00000000000000000000000000", None), 404),
        (create(wanted.clone(), None), 201),
    ] {
        let answer = floor.request(&request).await?;
        assert_eq!(answer.status, status, "{}", answer.body);
        assert_eq!(answer.headers.get("ratelimit-policy").map(String::as_str), Some("\"default\";q=4;w=10"));
        left.push(stands(&answer)?.0);
    }
    assert_eq!(left, [3, 2, 1, 0]);
    let refused = floor.request(&create(wanted.clone(), None)).await?;
    assert_eq!((refused.status, refused.text("code").as_str()), (429, "throttled"));
    let (left, reset) = stands(&refused)?;
    assert!(left == 0 && (1..=SECONDS).contains(&reset), "{refused:?}");
    assert_eq!(refused.headers.get("retry-after"), Some(&reset.to_string()));

    // The other mode has its own, and the operator has none.
    floor.mode = "test";
    assert_eq!(stands(&floor.request(&list(&[])).await?)?.0, 3);
    floor.mode = "live";
    let queue = Request { operation: "operator.queue", path: "/v2/operator/queue", ..list(&[]) };
    let answer = floor.request(&queue).await?;
    assert_eq!((answer.status, answer.headers.get("ratelimit-policy")), (200, None));

    tokio::time::sleep(Duration::from_secs(u64::try_from(reset)?)).await;
    assert_eq!(floor.request(&create(wanted, None)).await?.status, 409, "who waits as long as was asked is served");
    floor.house.take_down().await
}

#[tokio::test]
async fn of_requests_at_once_exactly_as_many_are_served_as_the_limit_allows() -> Result<()> {
    let floor = floor(9).await?;
    let mut functions = Vec::new();
    for _ in 0..5 {
        functions.push(floor.house.function("singles.list", None).await?);
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    fresh_window().await;
    let event = floor.event(&list(&[]));
    let asked = functions.iter_mut().map(async |function| {
        let mut statuses = Vec::new();
        for _ in 0..4 {
            let answer = Floor::answer(function.invoke(&event).await?)?.ok_or("the function was killed")?;
            statuses.push((answer.status, stands(&answer)?.0));
        }
        Ok(statuses)
    });
    let answers: Vec<(u64, u32)> = join_all(asked).await.into_iter().collect::<Result<Vec<_>>>()?.concat();
    let mut left: Vec<u32> = answers.iter().filter(|(status, _)| *status == 200).map(|(_, left)| *left).collect();
    left.sort_unstable();
    assert_eq!(left, (0..9).collect::<Vec<_>>(), "{answers:?}");
    floor.house.take_down().await
}

#[tokio::test]
async fn requests_that_cannot_be_counted_are_served() -> Result<()> {
    let mut house = House::build(&Emulator::find().await?, 50).await?;
    let table = std::mem::replace(&mut house.requests, "no-such-table".to_owned());
    let mut floor = Floor::open(house);
    let wanted = body(&floor.house, "reportlab.pdf");
    for (request, status) in [(list(&[]), 200), (create(wanted, None), 201)] {
        let answer = floor.request(&request).await?;
        assert_eq!(answer.status, status, "{}", answer.body);
        assert!(answer.headers.contains_key("ratelimit-policy") && !answer.headers.contains_key("ratelimit"));
    }
    floor.house.requests = table;
    floor.house.take_down().await
}
