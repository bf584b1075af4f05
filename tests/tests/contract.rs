//! Holds together what must say the same: template.yaml, routes.rs, infra/openapi.yaml, and the walls between the crates.
//! Nothing here needs a running stack.

#![expect(clippy::unwrap_used, reason = "whatever a test cannot read has failed it")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use api::idempotent::CLAIM;
use api::routes::ROUTES;
use serde_json::Value;
use tests::arrows::{self, Package, ROOT};
use tests::openapi::{Answer, Description, Operation};

/// template.yaml, without the tags of its intrinsic functions: `!Ref Table` reads as `Table`.
fn template() -> Value {
    let text = fs::read_to_string(Path::new(ROOT).join("template.yaml")).unwrap();
    serde_saphyr::from_str(&text).unwrap()
}

/// The functions of the template, by their `Handler`.
fn functions() -> BTreeMap<String, Value> {
    let template = template();
    let resources = template["Resources"].as_object().unwrap();
    let functions = resources.values().filter(|resource| resource["Type"] == "AWS::Serverless::Function");
    let named: Vec<_> =
        functions.map(|function| (text(&function["Properties"]["Handler"]), function["Properties"].clone())).collect();
    let count = named.len();
    let functions: BTreeMap<_, _> = named.into_iter().collect();
    assert_eq!(functions.len(), count, "two functions of the template have the same Handler");
    functions
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("not a text: {value}")).to_owned()
}

/// The operations that no URL leads to.
fn inner_operations() -> BTreeSet<String> {
    [
        api::authorize::OPERATION,
        api::issue_operator_key::OPERATION,
        workers::initialise_batch::OPERATION,
        workers::inspect_letters::OPERATION,
        workers::plan_job::OPERATION,
        workers::assemble_part::OPERATION,
        workers::deliver_webhook::OPERATION,
        workers::deliver_webhook::OPERATION_PATIENT,
        workers::queue_retries::OPERATION,
        workers::release_singles::OPERATION,
        workers::sequence_events::OPERATION,
        workers::sweep_events::OPERATION,
        workers::archive_events::OPERATION,
        workers::find_news::OPERATION,
        workers::push_news::OPERATION,
        workers::apply_scans::OPERATION,
        workers::match_orphans::OPERATION,
    ]
    .map(str::to_owned)
    .into()
}

/// The endpoints as routes.rs has them.
fn routes() -> BTreeSet<Operation> {
    let operation = |route: &api::routes::Route| Operation {
        id: route.operation.to_owned(),
        method: route.method.to_owned(),
        path: route.path.to_owned(),
        scope: route.scope.map(|scope| scope.as_str().to_owned()),
    };
    ROUTES.iter().map(operation).collect()
}

/// Every file of the repository's sources with that ending, by its path from the root.
fn files(folders: &[&str], ending: &str) -> Vec<(String, String)> {
    fn collect(folder: &Path, ending: &str, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                collect(&path, ending, found);
            } else if path.to_string_lossy().ends_with(ending) {
                found.push(path);
            }
        }
    }
    let mut found = Vec::new();
    for folder in folders {
        collect(&Path::new(ROOT).join(folder), ending, &mut found);
    }
    assert!(!found.is_empty(), "{folders:?} has no {ending}");
    let read = |path: PathBuf| {
        let name = path.strip_prefix(ROOT).unwrap().to_string_lossy().into_owned();
        (name, fs::read_to_string(path).unwrap())
    };
    found.into_iter().map(read).collect()
}

#[test]
fn the_openapi_description_has_the_endpoints_of_the_routes() {
    let described: BTreeSet<Operation> = Description::get().operations().into_iter().collect();
    assert_eq!(described, routes());
}

#[test]
fn every_example_in_the_openapi_description_fits_its_schema() {
    let description = Description::get();
    assert_eq!(description.dangling(), Vec::<String>::new());
    assert!(description.judge_examples().unwrap() > 20);
}

#[test]
fn an_answer_that_is_not_described_is_refused() {
    let judge = |status: u16, headers: &[(&str, &str)], body: &str| {
        let headers = headers.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect();
        Description::get().judge("letters.get", &Answer { status, headers, body: body.into() })
    };
    let headers = [("content-type", "application/json"), ("x-request-id", "1")];
    let problem = |fields: &str| format!(r#"{{"message": "No.", "requestId": "1", {fields}}}"#);
    assert_eq!(judge(200, &headers, r#""Dropped""#), Ok(()));
    assert_eq!(judge(404, &headers, &problem(r#""code": "not_mailed""#)), Ok(()));
    assert_eq!(judge(500, &headers, &problem(r#""code": "internal""#)), Ok(()));
    for (status, headers, body, complaint) in [
        (200, &headers[..], r#""Lost""#.to_owned(), "is not one of"),
        (200, &headers[..], "Dropped".to_owned(), "not JSON"),
        (200, &headers[1..], r#""Dropped""#.to_owned(), "Content-Type"),
        (200, &headers[..1], r#""Dropped""#.to_owned(), "X-Request-Id"),
        (204, &headers[..], String::new(), "status 204"),
        (404, &headers[..], problem(r#""code": "lost""#), "is not one of"),
        (404, &headers[..], problem(r#""code": "not_mailed", "name1": "Jane""#), "name1"),
        (401, &headers[..], r#"{"message": "No."}"#.to_owned(), "required"),
    ] {
        let refused = judge(status, headers, &body).unwrap_err();
        assert!(refused.contains(complaint), "{status} {body}: {refused}");
    }
}

#[test]
fn the_template_has_a_function_for_each_operation_and_no_other() {
    let expected: BTreeSet<String> = routes().into_iter().map(|route| route.id).chain(inner_operations()).collect();
    assert_eq!(functions().into_keys().collect::<BTreeSet<_>>(), expected);
}

#[test]
fn the_template_serves_each_operation_at_its_method_and_path() {
    let functions = functions();
    for route in ROUTES {
        let events = functions[route.operation]["Events"].as_object().unwrap();
        assert_eq!(events.len(), 1, "{} has one event", route.operation);
        let event = events.values().next().unwrap();
        assert_eq!(event["Type"], "Api", "{}", route.operation);
        let served = (text(&event["Properties"]["Method"]).to_uppercase(), text(&event["Properties"]["Path"]));
        assert_eq!(served, (route.method.to_owned(), route.path.to_owned()), "{}", route.operation);
    }
}

#[test]
fn only_operations_without_a_scope_go_without_the_authorizer() {
    let functions = functions();
    for route in ROUTES {
        let authorizer = &functions[route.operation]["Events"]["Http"]["Properties"]["Auth"]["Authorizer"];
        assert_eq!(authorizer == "NONE", route.scope.is_none(), "{}", route.operation);
        assert!(authorizer == "NONE" || authorizer.is_null(), "{} has an authorizer of its own", route.operation);
    }
    assert_eq!(template()["Resources"]["Api"]["Properties"]["Auth"]["DefaultAuthorizer"], "Caller");
    let open: Vec<_> = ROUTES.iter().filter(|route| route.scope.is_none()).map(|route| route.operation).collect();
    assert_eq!(
        open,
        ["health.get", "docs.get", "scans.push"],
        "whoever pushes scans has a user and a password, which the function checks"
    );
}

#[test]
fn operations_that_no_url_leads_to_have_no_api_event() {
    let functions = functions();
    for operation in inner_operations() {
        let events = functions[&operation]["Events"].as_object().cloned().unwrap_or_default();
        assert!(events.values().all(|event| event["Type"] != "Api"), "{operation}");
    }
}

/// A value of a policy, which may be one or a list of them.
fn listed(value: &Value) -> Vec<Value> {
    value.as_array().cloned().unwrap_or_else(|| vec![value.clone()])
}

/// What a function may do.
fn statements(function: &Value) -> Vec<Value> {
    let policies = function["Policies"].as_array().cloned().unwrap_or_default();
    policies.iter().flat_map(|policy| listed(&policy["Statement"])).collect()
}

#[test]
fn each_function_has_a_policy_of_its_own_that_names_actions_and_resources() {
    for (operation, function) in functions() {
        assert!(function["Role"].is_null(), "{operation} shares a role");
        if ["health.get", "docs.get"].contains(&operation.as_str()) {
            assert!(function["Policies"].is_null(), "{operation} needs nothing");
            continue;
        }
        let statements = statements(&function);
        assert!(!statements.is_empty(), "{operation} has no statement");
        for statement in statements {
            for action in listed(&statement["Action"]) {
                assert!(!text(&action).contains('*'), "{operation} may do {action}");
            }
            if statement["NotResource"].is_null() {
                for resource in listed(&statement["Resource"]) {
                    assert_ne!(text(&resource), "*", "{operation} may do it anywhere");
                }
            }
        }
    }
}

#[test]
fn functions_that_read_the_buckets_of_clients_change_nothing_there_and_read_nothing_printed_archived_or_scanned() {
    let mut readers = 0;
    for (operation, function) in functions() {
        for statement in statements(&function) {
            let anywhere = listed(&statement["Resource"])
                .iter()
                .any(|resource| resource.as_str().is_some_and(|resource| resource.contains(":s3:::*/")));
            assert!(
                !anywhere,
                "{operation} may do {} in every bucket, also in those of the house",
                statement["Action"]
            );
            if !statement["NotResource"].is_null() {
                assert_eq!(statement["Action"], "s3:GetObject", "{operation}");
                let ours = ["${PrintBucket.Arn}/*", "${ArchiveBucket.Arn}/*", "${ScansBucket.Arn}/*"];
                assert_eq!(listed(&statement["NotResource"]), ours, "{operation}");
                readers += 1;
            }
        }
    }
    assert_ne!(readers, 0, "no function reads what clients name");
}

#[test]
fn requests_of_clients_are_counted_and_no_others() {
    let counting: BTreeSet<String> = functions()
        .into_iter()
        .filter(|(_, function)| {
            statements(function).iter().any(|statement| {
                let is_table = statement["Resource"] == "RequestsTable.Arn";
                assert!(!is_table || statement["Action"] == "dynamodb:UpdateItem", "counts are only written");
                is_table
            })
        })
        .map(|(operation, _)| operation)
        .collect();
    let of_clients = |route: &&api::routes::Route| api::metering::counts(route.scope);
    assert_eq!(counting, ROUTES.iter().filter(of_clients).map(|route| route.operation.to_owned()).collect());
}

#[test]
fn the_gateway_never_refuses_what_the_limit_allows() {
    for (stage, rates) in template()["Mappings"]["Requests"].as_object().unwrap() {
        // What functions are told in their environment is text.
        let text = |name: &str| rates[name].as_str().and_then(|number| number.parse().ok());
        let number =
            |name: &str| rates[name].as_u64().or(text(name)).unwrap_or_else(|| panic!("{stage} has no {name}"));
        let (quota, seconds) = (number("Quota"), number("Seconds"));
        // A bucket of `burst` that fills at `rate` lets through whatever windows do: two quotas at once where two windows meet,
        // and one more in each. Both modes of an account share it.
        assert!(number("AccountBurst") >= 2 * 2 * quota, "{stage}");
        assert!(number("AccountRate") * seconds >= 2 * quota, "{stage}");
        assert!(
            number("TotalBurst") >= number("AccountBurst") && number("TotalRate") >= number("AccountRate"),
            "{stage}"
        );
    }
}

#[test]
fn what_is_too_large_for_the_gateway_is_told_where_it_may_go() {
    let answer = &template()["Resources"]["Api"]["Properties"]["GatewayResponses"]["REQUEST_TOO_LARGE"];
    assert_eq!(answer["StatusCode"], 413);
    let body: Value = serde_json::from_str(&text(&answer["ResponseTemplates"]["application/json"])).unwrap();
    let way = Description::get().operation("documents.create").unwrap();
    let told = text(&body["message"]);
    assert!(told.contains(&format!("{} {}", way.method, way.path)) && told.contains("documentId"), "{told}");
}

#[test]
fn the_description_says_for_how_long_letters_are_rendered() {
    let text = fs::read_to_string(Path::new(ROOT).join("infra/openapi.yaml")).unwrap();
    let contract: Value = serde_saphyr::from_str(&text).unwrap();
    let told = contract["paths"]["/v2/letters"]["post"]["description"].as_str().unwrap().replace('\n', " ");
    let seconds = api::content::MOST_RENDERING;
    assert!(told.contains(&format!("more than {seconds} seconds")), "{told}");
}

#[test]
fn each_function_that_lists_by_an_index_may_query_that_index() {
    let wanted = [
        ("batches.get", "by_account"),
        ("batches.list", "by_account"),
        ("callbacks.find", "by_account"),
        ("events.archive", "by_account"),
        ("events.sweep", "by_account"),
        ("letters.list", "by_account"),
        ("operator.accounts.list", "by_account"),
        ("operator.jobs.list", "by_account"),
        ("operator.orphans.list", "by_account"),
        ("operator.scans.list", "by_account"),
        ("templates.list", "by_account"),
        ("operator.queue", "queue"),
        ("postcards.list", "by_account"),
        ("singles.list", "by_account"),
        ("singles.release", "queue"),
        ("webhooks.queue_retries", "queue"),
    ];
    let mut granted = BTreeSet::new();
    for (operation, function) in functions() {
        for statement in statements(&function) {
            for resource in listed(&statement["Resource"]) {
                if let Some((_, index)) = resource.as_str().and_then(|resource| resource.split_once("/index/")) {
                    assert!(listed(&statement["Action"]).contains(&Value::from("dynamodb:Query")), "{operation}");
                    granted.insert((operation.clone(), index.to_owned()));
                }
            }
        }
    }
    assert_eq!(granted, wanted.map(|(operation, index)| (operation.to_owned(), index.to_owned())).into());
}

/// The end of a function's name.
fn short_name(function: &Value) -> String {
    text(&function["FunctionName"]).trim_start_matches("${AWS::StackName}-").to_owned()
}

#[test]
fn each_function_has_a_log_group_and_what_it_does_badly_an_alarm() {
    let template = template();
    let loop_ = |name: &str| template["Resources"][format!("Fn::ForEach::{name}")].clone();
    let (logs, workers) = (loop_("Functions"), loop_("Workers"));
    let names = |loop_: &Value| loop_[1].as_array().unwrap().iter().map(text).collect::<BTreeSet<String>>();
    let types = |loop_: &Value| -> Vec<String> {
        loop_[2].as_object().unwrap().values().map(|resource| text(&resource["Type"])).collect()
    };
    let mut named_there = names(&logs);
    assert_eq!(
        (types(&logs), types(&workers)),
        (vec!["AWS::Logs::LogGroup".into()], vec!["AWS::CloudWatch::Alarm".into()])
    );
    // The authorizer has its own: it refuses callers by failing, so its errors are counted another way.
    assert_eq!(template["Resources"]["LogsAuthorize"]["Type"], "AWS::Logs::LogGroup");
    assert_eq!(template["Resources"]["ErrorsAuthorize"]["Type"], "AWS::CloudWatch::Alarm");
    named_there.insert("auth-authorize".to_owned());
    // Behind a queue or a schedule nobody sees an error, so that each function has an alarm. Behind the API its caller does, and
    // the gateway counts it, with those of a function that crashed or took too long.
    assert_eq!(workers[2]["Errors&{Function}"]["Properties"]["MetricName"], "Errors");
    let inner: BTreeSet<String> = functions()
        .into_iter()
        .filter(|(operation, _)| inner_operations().contains(operation) && operation != api::authorize::OPERATION)
        .map(|(_, function)| short_name(&function))
        .collect();
    assert_eq!(names(&workers), inner);
    let of_api = &template["Resources"]["ApiFailures"]["Properties"];
    assert_eq!((&of_api["MetricName"], &of_api["Threshold"]), (&"5XXError".into(), &0.into()));
    let settings = &template["Resources"]["Api"]["Properties"]["MethodSettings"][0];
    assert_eq!(settings["MetricsEnabled"], true, "the metrics of its methods say which function it was");
    // Throttles are counted over all functions: what they share is the concurrency of the AWS account.
    let throttles = &template["Resources"]["Throttles"];
    assert_eq!(
        (&throttles["Type"], &throttles["Properties"]["MetricName"]),
        (&"AWS::CloudWatch::Alarm".into(), &"Throttles".into())
    );
    assert!(throttles["Properties"]["Dimensions"].is_null(), "all functions are counted");
    let named: BTreeSet<String> = functions().values().map(short_name).collect();
    assert_eq!(named_there, named);
}

#[test]
fn only_functions_that_draw_render_or_inspect_have_the_child_for_that_beside_them() {
    let packed_as = |package: &str| -> BTreeSet<String> {
        let code = format!("target/lambda/{package}/bootstrap.zip");
        let of_package = functions().into_iter().filter(|(_, function)| text(&function["CodeUri"]) == code);
        of_package.map(|(operation, _)| operation).collect()
    };
    let rendering = [
        "documents.get",
        "postcards.create",
        "postcards.proof",
        "postcards.update",
        "preflight.create",
        "singles.create",
        "singles.proof",
        "singles.update",
        "templates.create",
        "templates.preview",
        "templates.update",
    ];
    assert_eq!(packed_as("rendering"), rendering.map(str::to_owned).into());
    assert_eq!(packed_as("inspecting"), ["letters.inspect"].map(str::to_owned).into());
    let all: BTreeSet<String> = functions().into_keys().collect();
    let packed = ["api", "workers", "rendering", "inspecting"].into_iter().flat_map(packed_as);
    assert_eq!(packed.collect::<BTreeSet<String>>(), all);
}

#[test]
fn functions_with_the_child_beside_them_have_as_much_memory_as_it_may_take() {
    /// What the function itself takes, with the request and the document in its hands.
    const OWN: u64 = 256 << 20;
    for (operation, function) in functions() {
        if ["rendering", "inspecting"].iter().any(|package| text(&function["CodeUri"]).contains(package)) {
            let memory = function["MemorySize"].as_u64().unwrap_or_default() << 20;
            assert!(memory >= render::MEMORY + OWN, "{operation} has {} MB", memory >> 20);
        }
    }
}

#[test]
fn the_claim_of_an_idempotency_key_holds_until_its_function_is_over_and_hardly_longer() {
    let (usual, functions) = (template()["Globals"]["Function"]["Timeout"].clone(), functions());
    for route in ROUTES.iter().filter(|route| route.method == "POST") {
        let timeout = functions[route.operation].get("Timeout").unwrap_or(&usual).as_i64().unwrap();
        assert_eq!(CLAIM.as_secs() - timeout, 1, "{}", route.operation);
    }
}

/// How many resources the stack has: those of the template, those that its loops make, and those that SAM adds. Each function gets
/// a role, and a permission to be called for each of its events, or a mapping or a schedule with its role.
fn resources() -> usize {
    let template = template();
    let resources = template["Resources"].as_object().unwrap();
    let written = resources.iter().filter(|(name, _)| !name.starts_with("Fn::ForEach")).count();
    let looped: usize = resources
        .iter()
        .filter(|(name, _)| name.starts_with("Fn::ForEach"))
        .map(|(_, loop_)| loop_[1].as_array().unwrap().len() * loop_[2].as_object().unwrap().len())
        .sum();
    let added: usize = functions()
        .into_values()
        .map(|function| {
            let events = function["Events"].as_object().cloned().unwrap_or_default();
            1 + events.values().map(|event| if event["Type"] == "ScheduleV2" { 2 } else { 1 }).sum::<usize>()
        })
        .sum();
    // The API itself: its deployment, its stage, the permission of its authorizer.
    written + looped + added + 3
}

#[test]
fn the_stack_has_no_more_resources_than_one_may_have() {
    assert!((400..=500).contains(&resources()), "{} resources", resources());
}

#[test]
fn what_requests_may_leave_behind_in_the_bucket_of_documents_is_dropped_after_a_while() {
    let rules = template()["Resources"]["DocumentsBucket"]["Properties"]["LifecycleConfiguration"]["Rules"].clone();
    let dropped: BTreeSet<String> = rules
        .as_array()
        .unwrap()
        .iter()
        .filter(|rule| rule["Status"] == "Enabled" && rule["ExpirationInDays"].as_u64().is_some())
        .map(|rule| text(&rule["Prefix"]))
        .collect();
    assert_eq!(dropped, ["additions/", "incoming/", "shown/", "uploads/"].map(str::to_owned).into());
}

#[test]
fn each_queue_has_a_dead_letter_queue_and_alarms() {
    let template = template();
    let resources = template["Resources"].as_object().unwrap();
    let (_, loop_) = resources.iter().find(|(name, _)| *name == "Fn::ForEach::Queues").unwrap();
    let listed: BTreeSet<String> = loop_[1].as_array().unwrap().iter().map(text).collect();
    let queues: BTreeSet<String> = resources
        .iter()
        .filter(|(_, resource)| resource["Type"] == "AWS::SQS::Queue")
        .filter_map(|(name, _)| name.strip_suffix("Queue").map(str::to_owned))
        .collect();
    assert_eq!(listed, queues);
    for queue in queues {
        assert!(resources.contains_key(&format!("{queue}DeadLetters")), "{queue}");
        let policy = &resources[&format!("{queue}Queue")]["Properties"]["RedrivePolicy"];
        assert_eq!(policy["deadLetterTargetArn"], format!("{queue}DeadLetters.Arn"), "{queue}");
    }
}

#[test]
fn crates_depend_on_each_other_only_along_the_arrows() {
    assert_eq!(arrows::forbidden(&arrows::packages().unwrap()), Vec::<String>::new());
}

#[test]
fn an_arrow_that_must_not_be_is_found() {
    let package = |name: &str, dependencies: &[&str]| Package {
        name: name.to_owned(),
        dependencies: dependencies.iter().map(|&dependency| dependency.to_owned()).collect(),
    };
    let packages = [
        package("domain", &["jiff", "tokio"]),
        package("print", &["domain"]),
        package("store", &["domain", "edge", "aws-sdk-s3"]),
        package("edge", &["domain", "lambda_http"]),
        package("api", &["domain", "store", "edge", "print", "aws-sdk-sqs", "lambda_runtime"]),
        package("mailer", &[]),
        package("tests", &["api", "aws-sdk-s3", "tokio"]),
    ];
    let mut found = arrows::forbidden(&packages);
    found.sort();
    assert_eq!(
        found,
        [
            "api names aws-sdk-sqs, and only store may",
            "api names lambda_runtime, and only edge may",
            "domain is pure and has no use for tokio",
            "mailer is a new crate: say in tests/src/arrows.rs what it may depend on",
            "print depends on domain",
            "store depends on edge",
        ]
    );
}

#[test]
fn the_aws_sdk_is_named_in_store_alone_and_lambda_in_edge_alone() {
    let reserved = [("aws_sdk_", "shared/store/"), ("aws_config", "shared/store/"), ("lambda_", "shared/edge/")];
    for (name, text) in files(&["functions", "shared"], ".rs") {
        for (word, home) in reserved {
            let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
            assert!(name.starts_with(home) || code.into_iter().all(|line| !line.contains(word)), "{name} names {word}");
        }
    }
}

#[test]
fn the_pure_crates_read_no_clock_and_no_environment() {
    for (name, text) in files(&["shared/domain/src"], ".rs") {
        let rules = text.split("#[cfg(test)]").next().unwrap();
        for word in ["Timestamp::now", "Zoned::now", "SystemTime", "Instant::now", "std::env::", "std::fs", "std::net"]
        {
            assert!(name.ends_with("/tests.rs") || !rules.contains(word), "{name} uses {word}");
        }
    }
}

#[test]
fn every_source_file_opens_with_what_it_is_for() {
    for (name, text) in files(&["functions", "shared", "tests/src", "tests/tests"], ".rs") {
        assert!(text.starts_with("//! "), "{name}");
    }
}

#[test]
fn every_post_of_a_client_or_an_operator_may_be_sent_again() {
    let text = fs::read_to_string(Path::new(ROOT).join("infra/openapi.yaml")).unwrap();
    let contract: Value = serde_saphyr::from_str(&text).unwrap();
    for route in ROUTES.iter().filter(|route| route.method == "POST" && route.scope.is_some()) {
        let parameters = &contract["paths"][route.path]["post"]["parameters"];
        let key = "#/components/parameters/IdempotencyKey";
        let takes_one = parameters.as_array().is_some_and(|all| all.iter().any(|one| one["$ref"] == key));
        assert!(takes_one, "{} takes no Idempotency-Key", route.operation);
    }
}

#[test]
fn an_operation_that_reads_a_body_says_how_one_may_be_refused_and_no_other_does() {
    let text = fs::read_to_string(Path::new(ROOT).join("infra/openapi.yaml")).unwrap();
    let contract: Value = serde_saphyr::from_str(&text).unwrap();
    for route in ROUTES {
        let described = &contract["paths"][route.path][route.method.to_lowercase()];
        assert_eq!(described["requestBody"].is_object(), route.reads_body, "{} takes a body", route.operation);
        // What unpacks a body refuses it before its operation sees it.
        for (status, response) in [("400", "BadBody"), ("413", "TooLarge"), ("415", "UnknownEncoding")] {
            let told = &described["responses"][status];
            if route.reads_body {
                assert!(told.is_object(), "{} may answer {status}", route.operation);
            } else {
                let of_body = format!("#/components/responses/{response}");
                assert_ne!(told["$ref"], of_body, "{} refuses no body with {status}", route.operation);
            }
        }
        let packed = "#/components/parameters/ContentEncoding";
        let parameters = described["parameters"].as_array();
        let may_be_packed = parameters.is_some_and(|all| all.iter().any(|one| one["$ref"] == packed));
        assert_eq!(may_be_packed, route.reads_body, "{} takes a packed body", route.operation);
    }
}
