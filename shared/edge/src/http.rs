//! HTTP requests: what a handler gets and gives, and how both travel through API Gateway.

use std::collections::HashMap;
use std::io::Read;
use std::pin::Pin;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use domain::account::{Caller, Mode, Scope};
use domain::id::AccountId;
use domain::limit::{Limit, Standing};
use flate2::read::MultiGzDecoder;
use jiff::Timestamp;
use lambda_http::aws_lambda_events::apigw::ApiGatewayProxyRequestContext;
use lambda_http::request::RequestContext;
use lambda_http::{Body, Request, RequestExt, Response, service_fn};
use serde::Serialize;

use crate::Problem;

/// The most bytes that a body may have once it is unpacked. 50,000 letters are about 20 MB.
pub const MAX_BODY: usize = 64 << 20;

/// A request.
#[derive(Debug)]
pub struct Call {
    /// Names this request in answers and logs.
    pub request_id: String,
    /// When it came.
    pub now: Timestamp,
    /// The body, unpacked; blank where none is read.
    pub body: Vec<u8>,
    caller: Option<Caller>,
    method: String,
    path: String,
    parameters: HashMap<String, String>,
    query: HashMap<String, String>,
    headers: HashMap<String, String>,
}

impl Call {
    /// Who calls. Endpoints that anyone may call have no use for it.
    ///
    /// # Errors
    /// 401 when nobody was let in, which the gateway already refuses.
    pub fn caller(&self) -> Result<&Caller, Problem> {
        self.caller.as_ref().ok_or_else(|| Problem::new(401, "unauthorized", "Send an API key or a token as Bearer."))
    }

    /// A parameter of the path, such as `batchId`.
    pub fn parameter(&self, name: &str) -> &str {
        self.parameters.get(name).map_or("", String::as_str)
    }

    /// A parameter of the query.
    pub fn query(&self, name: &str) -> Option<&str> {
        self.query.get(name).map(String::as_str)
    }

    /// All parameters of the query.
    pub fn queries(&self) -> impl Iterator<Item = (&str, &str)> {
        self.query.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// A header, by its name in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    /// The user and the password of a request with Basic authentication (RFC 7617).
    pub fn basic(&self) -> Option<(String, String)> {
        basic(self.header("authorization")?)
    }

    /// Method and path: what, with the body, makes two requests the same.
    pub fn target(&self) -> String {
        format!("{} {}", self.method, self.path)
    }

    /// The request, and what is wrong with its body, which then is blank. Where none is read, nothing is wrong with it.
    fn new(request: Request, reads_body: bool) -> (Self, Option<Problem>) {
        let (context_id, caller) = match request.request_context_ref() {
            Some(RequestContext::ApiGatewayV1(context)) => (context.request_id.clone(), caller(context)),
            _ => (None, None),
        };
        let request_id = context_id
            .or_else(|| request.lambda_context_ref().map(|context| context.request_id.clone()))
            .unwrap_or_default();
        let pairs = |map: lambda_http::aws_lambda_events::query_map::QueryMap| {
            map.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
        };
        let headers: HashMap<String, String> = request
            .headers()
            .iter()
            .map(|(name, value)| (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
            .collect();
        let parameters = pairs(request.path_parameters());
        let query = pairs(request.query_string_parameters());
        let method = request.method().to_string();
        let path = request.raw_http_path().to_owned();
        let body = match request.into_body() {
            _ if !reads_body => Vec::new(),
            Body::Text(text) => text.into_bytes(),
            Body::Binary(bytes) => bytes,
            _ => Vec::new(),
        };
        let encoding =
            headers.get("content-encoding").map(String::as_str).unwrap_or_default().trim().to_ascii_lowercase();
        let (body, problem) = match unpack(&encoding, body, MAX_BODY) {
            Ok(body) => (body, None),
            Err(problem) => (Vec::new(), Some(problem)),
        };
        let now = Timestamp::now();
        (Call { request_id, now, body, caller, method, path, parameters, query, headers }, problem)
    }
}

fn basic(header: &str) -> Option<(String, String)> {
    let (scheme, encoded) = header.trim().split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let text = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (user, password) = text.split_once(':')?;
    Some((user.to_owned(), password.to_owned()))
}

/// Who the authorizer let in.
fn caller(context: &ApiGatewayProxyRequestContext) -> Option<Caller> {
    let text = |name: &str| context.authorizer.fields.get(name).and_then(|value| value.as_str());
    Some(Caller {
        account: AccountId::parse(text("account")?).ok()?,
        mode: if text("mode")? == Mode::Live.as_str() { Mode::Live } else { Mode::Test },
        scopes: text("scopes")?.split(' ').filter_map(Scope::parse).collect(),
    })
}

/// Unpacks a body, at most `limit` bytes of it. Without a body there is nothing to unpack, whatever a client's defaults say.
fn unpack(encoding: &str, body: Vec<u8>, limit: usize) -> Result<Vec<u8>, Problem> {
    match encoding {
        _ if body.is_empty() => Ok(body),
        "" | "identity" => Ok(body),
        "gzip" | "x-gzip" => {
            let mut unpacked = Vec::with_capacity(body.len().saturating_mul(4).min(limit));
            let read = MultiGzDecoder::new(body.as_slice()).take(limit as u64 + 1).read_to_end(&mut unpacked);
            match read {
                Ok(_) if unpacked.len() > limit => {
                    let message = format!("The body unpacks to more than {limit} bytes. Send fewer letters at a time.");
                    Err(Problem::new(413, "body.too_large", message))
                }
                Ok(_) => Ok(unpacked),
                Err(_) => {
                    Err(Problem::new(400, "body.gzip", "The body is not valid gzip, as its Content-Encoding says."))
                }
            }
        }
        _ => Err(Problem::new(415, "body.encoding", "Send the body plain, or with Content-Encoding: gzip.")),
    }
}

/// An answer that is not an error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// The body: JSON unless a header says otherwise, or nothing.
    pub body: String,
    /// Headers besides the content type of JSON.
    pub headers: Vec<(&'static str, String)>,
}

impl Reply {
    /// An answer with a JSON body.
    ///
    /// # Errors
    /// When the value cannot be written as JSON.
    pub fn json<T: Serialize>(status: u16, value: &T) -> Result<Self, Problem> {
        Ok(Reply { status, body: serde_json::to_string(value)?, headers: Vec::new() })
    }

    /// An answer without a body.
    pub fn empty(status: u16) -> Self {
        Reply { status, body: String::new(), headers: Vec::new() }
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

/// What a handler answers, in time.
pub type Answered<'a> = Pin<Box<dyn Future<Output = Result<Reply, Problem>> + Send + 'a>>;

/// A handler: what there is for all requests of this process, and the request.
pub type Handler<A> = for<'a> fn(&'a A, Call) -> Answered<'a>;

/// What is known of a request that was counted, in time: the limit, and where its client stands, unless it could not be counted.
pub type Metered<'a> = Pin<Box<dyn Future<Output = (Limit, Option<Standing>)> + Send + 'a>>;

/// Counts the requests of a caller.
pub type Meter<A> = for<'a> fn(&'a A, &'a Caller, Timestamp) -> Metered<'a>;

/// Serves one operation until the process is ended. `scope` is what a caller must be allowed to do; without one,
/// anybody may call. What is sent to an operation that reads no body is not even unpacked. With a meter, every request counts, and
/// every answer tells where its client stands.
///
/// # Errors
/// When the runtime ends.
pub async fn serve<A: Send + Sync + 'static>(
    app: A,
    operation: &str,
    scope: Option<Scope>,
    reads_body: bool,
    meter: Option<Meter<A>>,
    handler: Handler<A>,
) -> Result<(), lambda_http::Error> {
    let app = Arc::new(app);
    let operation: Arc<str> = operation.into();
    lambda_http::run(service_fn(move |request: Request| {
        let (app, operation) = (app.clone(), operation.clone());
        async move {
            let (call, problem) = Call::new(request, reads_body);
            let metered = match (meter, &call.caller) {
                (Some(meter), Some(caller)) => Some(meter(&*app, caller, call.now).await),
                _ => None,
            };
            let (request_id, over) = (call.request_id.clone(), metered.and_then(exceeded));
            let mut response = match over.or(problem) {
                Some(problem) => refusal(&operation, &request_id, problem),
                None => answer(&*app, &operation, scope, handler, call).await,
            };
            for (name, value) in metered.map(limit_headers).unwrap_or_default() {
                if let Ok(value) = value.parse() {
                    response.headers_mut().insert(name, value);
                }
            }
            Ok::<_, std::convert::Infallible>(response)
        }
    }))
    .await
}

/// The answer to a request that is one too many.
fn exceeded((limit, standing): (Limit, Option<Standing>)) -> Option<Problem> {
    let standing = standing.filter(|standing| standing.exceeded)?;
    let message = format!(
        "There were more than {} requests in {} seconds. Try again in {} s.",
        limit.quota(),
        limit.seconds(),
        standing.reset
    );
    Some(Problem::new(429, "throttled", message).retry_after(standing.reset))
}

/// What an answer tells of the limit (draft-ietf-httpapi-ratelimit-headers-10).
fn limit_headers((limit, standing): (Limit, Option<Standing>)) -> Vec<(&'static str, String)> {
    let policy = format!("\"default\";q={};w={}", limit.quota(), limit.seconds());
    let stands = standing.map(|standing| format!("\"default\";r={};t={}", standing.remaining, standing.reset));
    let policy = ("ratelimit-policy", policy);
    std::iter::once(policy).chain(stands.map(|stands| ("ratelimit", stands))).collect()
}

async fn answer<A>(app: &A, operation: &str, scope: Option<Scope>, handler: Handler<A>, call: Call) -> Response<Body> {
    let request_id = call.request_id.clone();
    let account = call.caller.as_ref().map(|caller| caller.account.to_string()).unwrap_or_default();
    let batch = call.parameter("batchId").to_owned();
    let started = call.now;
    if let Some(scope) = scope {
        let allowed = call.caller().and_then(|caller| match caller.may(scope) {
            true if scope == Scope::Operator && caller.mode == Mode::Test => {
                let message = "The print floor is real: a test key may not run it. Use a live one.";
                Err(Problem::new(403, "forbidden", message))
            }
            true => Ok(()),
            false => {
                let message = format!("This key or token lacks the scope \"{}\".", scope.as_str());
                Err(Problem::new(403, "forbidden", message))
            }
        });
        if let Err(problem) = allowed {
            return refusal(operation, &request_id, problem);
        }
    }
    let answered = handler(app, call).await;
    let milliseconds = Timestamp::now().duration_since(started).as_millis();
    let status = match &answered {
        Ok(reply) => reply.status,
        Err(problem) => problem.status,
    };
    tracing::info!(
        operation, requestId = %request_id, account = %account, batch = %batch, status, milliseconds = %milliseconds,
        "answered"
    );
    match answered {
        Ok(reply) => {
            let mut response = Response::builder().status(reply.status).header("x-request-id", &request_id);
            let has_type = reply.headers.iter().any(|(name, _)| *name == "content-type");
            if !reply.body.is_empty() && !has_type {
                response = response.header("content-type", "application/json");
            }
            for (name, value) in reply.headers {
                response = response.header(name, value);
            }
            built(response.body(if reply.body.is_empty() { Body::Empty } else { Body::Text(reply.body) }))
        }
        Err(problem) => refusal(operation, &request_id, problem),
    }
}

fn refusal(operation: &str, request_id: &str, problem: Problem) -> Response<Body> {
    if let Some(cause) = &problem.cause {
        tracing::error!(operation, requestId = %request_id, cause = %cause, "failed");
    } else {
        tracing::info!(operation, requestId = %request_id, status = problem.status, code = problem.code, "refused");
    }
    let mut response = Response::builder()
        .status(problem.status)
        .header("content-type", "application/json")
        .header("x-request-id", request_id);
    if let Some(seconds) = problem.retry_after {
        response = response.header("retry-after", seconds.to_string());
    }
    if let Some(scheme) = problem.challenge {
        response = response.header("www-authenticate", scheme);
    }
    built(response.body(Body::Text(problem.body(request_id))))
}

/// A status or header that cannot be written would be a fault of ours.
fn built(response: Result<Response<Body>, lambda_http::http::Error>) -> Response<Body> {
    response.unwrap_or_else(|_| {
        let mut response =
            Response::new(Body::Text(r#"{"message":"Something went wrong on our side.","code":"internal"}"#.into()));
        *response.status_mut() = lambda_http::http::StatusCode::INTERNAL_SERVER_ERROR;
        response
    })
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn packed(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn every_answer_tells_the_limit_and_where_a_client_stands_if_that_is_known() {
        let limit = Limit::new(300, 10).unwrap();
        let standing = |used: u64| limit.standing(used, Timestamp::from_second(7).unwrap());
        let headers = limit_headers((limit, Some(standing(1))));
        let told = [("ratelimit-policy", r#""default";q=300;w=10"#), ("ratelimit", r#""default";r=299;t=3"#)];
        assert_eq!(headers, told.map(|(name, value)| (name, value.to_owned())));
        assert_eq!(limit_headers((limit, None)).len(), 1);
        assert!(exceeded((limit, None)).is_none(), "what could not be counted is served");
        assert!(exceeded((limit, Some(standing(300)))).is_none());
        let problem = exceeded((limit, Some(standing(301)))).unwrap();
        assert_eq!((problem.status, problem.retry_after), (429, Some(3)));
    }

    #[test]
    fn a_user_and_a_password_are_read_from_basic_authentication_alone() {
        let read = |user: &str, password: &str| Some((user.to_owned(), password.to_owned()));
        assert_eq!(basic("Basic dXNwczpzZWNyZXQ="), read("usps", "secret"));
        assert_eq!(basic("basic  dXNwczphOmI="), read("usps", "a:b"));
        for header in ["", "Basic", "Basic !!", "Basic dXNwcw==", "Bearer dXNwczpzZWNyZXQ=", "Basic //8="] {
            assert_eq!(basic(header), None, "{header}");
        }
    }

    #[test]
    fn a_gzip_body_is_unpacked_and_a_plain_one_left_alone() {
        assert_eq!(unpack("gzip", packed(b"letters"), 100).unwrap(), b"letters");
        assert_eq!(unpack("", b"letters".to_vec(), 100).unwrap(), b"letters");
    }

    #[test]
    fn a_gzip_body_of_several_members_is_unpacked_whole() {
        let members = [packed(b"let"), packed(b"ters")].concat();
        assert_eq!(unpack("gzip", members, 100).unwrap(), b"letters");
    }

    #[test]
    fn a_request_without_a_body_may_claim_any_encoding() {
        assert_eq!(unpack("gzip", Vec::new(), 100).unwrap(), b"");
        assert_eq!(unpack("br", Vec::new(), 100).unwrap(), b"");
    }

    #[test]
    fn a_body_that_nobody_reads_may_be_anything() {
        for encoding in ["br", "gzip"] {
            let request = || {
                let mut request = Request::new(Body::Text("no letters".to_owned()));
                request.headers_mut().insert("content-encoding", encoding.parse().unwrap());
                request
            };
            let (call, problem) = Call::new(request(), false);
            assert_eq!((call.body.len(), problem.map(|problem| problem.status)), (0, None), "{encoding}");
            assert!(Call::new(request(), true).1.is_some(), "{encoding}");
        }
    }

    #[test]
    fn a_body_that_unpacks_beyond_the_limit_is_413() {
        assert_eq!(unpack("gzip", packed(&[0; 1_000]), 999).unwrap_err().status(), 413);
        assert_eq!(unpack("gzip", packed(&[0; 1_000]), 1_000).unwrap().len(), 1_000);
    }

    #[test]
    fn broken_gzip_is_400_and_other_encodings_are_415() {
        let mut broken = packed(b"letters");
        broken.truncate(12);
        assert_eq!(unpack("gzip", broken, 100).unwrap_err().status(), 400);
        assert_eq!(unpack("gzip", b"letters".to_vec(), 100).unwrap_err().status(), 400);
        assert_eq!(unpack("br", b"letters".to_vec(), 100).unwrap_err().status(), 415);
    }
}
