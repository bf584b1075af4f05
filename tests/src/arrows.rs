//! The walls between the crates: who may depend on whom, read from Cargo.toml as cargo understands it.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// Where the workspace is.
pub const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// What each of our crates may depend on of ours. The tests may on all.
const ARROWS: [(&str, &[&str]); 12] = [
    ("domain", &[]),
    // The child processes of print and render: how one is limited and spoken to says nothing of what it does.
    ("isolate", &[]),
    ("print", &["isolate"]),
    ("print-fuzz", &["print"]),
    ("render", &["isolate"]),
    // It is the child of both.
    ("render-child", &["isolate", "print", "render"]),
    ("outbound", &[]),
    // What clients are shown is made by the same rules as what is printed.
    ("press", &["domain", "print"]),
    ("store", &["domain"]),
    ("edge", &["domain"]),
    ("api", &["domain", "press", "print", "render", "outbound", "store", "edge"]),
    ("workers", &["domain", "press", "print", "render", "outbound", "store", "edge"]),
];

/// The tests look at everything.
const TESTS: &str = "tests";

/// What only one crate may name, by how the names of the packages begin.
const RESERVED: [(&str, &[&str]); 2] = [
    ("store", &["aws-sdk-", "aws-config", "aws-smithy-", "aws-types", "aws-credential-types", "serde_dynamo"]),
    ("edge", &["lambda_", "lambda-", "aws_lambda_events"]),
];

/// What a crate of pure rules has no use for: runtimes, the network, the system's clock and its files.
const IMPURE: [&str; 9] = ["tokio", "async-", "futures", "hyper", "reqwest", "ureq", "aws", "lambda", "getrandom"];

/// A package of the workspace.
#[derive(Debug)]
pub struct Package {
    /// Its name.
    pub name: String,
    /// Every package that it names as a dependency, those for its tests and its build included.
    pub dependencies: BTreeSet<String>,
}

/// The packages of the workspace.
///
/// # Errors
/// When cargo cannot read it.
pub fn packages() -> Result<Vec<Package>, Box<dyn std::error::Error>> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["metadata", "--no-deps", "--offline", "--format-version", "1"])
        .current_dir(Path::new(ROOT))
        .output()?;
    if !output.status.success() {
        return Err(format!("cargo metadata failed: {}", String::from_utf8_lossy(&output.stderr)).into());
    }
    let metadata: Value = serde_json::from_slice(&output.stdout)?;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let package = |package: &Value| Package {
        name: text(&package["name"]),
        dependencies: list(&package["dependencies"]).iter().map(|dependency| text(&dependency["name"])).collect(),
    };
    Ok(list(&metadata["packages"]).iter().map(package).collect())
}

/// Every arrow that must not be, as a sentence each.
pub fn forbidden(packages: &[Package]) -> Vec<String> {
    let ours: BTreeSet<&str> = packages.iter().map(|package| package.name.as_str()).collect();
    let mut found = Vec::new();
    for Package { name, dependencies } in packages.iter().filter(|package| package.name != TESTS) {
        let Some((_, allowed)) = ARROWS.iter().find(|(known, _)| known == name) else {
            found.push(format!("{name} is a new crate: say in tests/src/arrows.rs what it may depend on"));
            continue;
        };
        for dependency in dependencies {
            if ours.contains(dependency.as_str()) && !allowed.contains(&dependency.as_str()) {
                found.push(format!("{name} depends on {dependency}"));
            }
            for (owner, prefixes) in RESERVED {
                if name != owner && prefixes.iter().any(|prefix| dependency.starts_with(prefix)) {
                    found.push(format!("{name} names {dependency}, and only {owner} may"));
                }
            }
            if name == "domain" && IMPURE.iter().any(|prefix| dependency.starts_with(prefix)) {
                found.push(format!("domain is pure and has no use for {dependency}"));
            }
        }
    }
    found
}
