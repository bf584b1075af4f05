//! Turns the contract into JSON, which the page of `GET /v2/docs` has in it.
#![expect(clippy::expect_used, reason = "a build without the contract is to fail")]

use std::path::Path;
use std::{env, fs};

fn main() {
    const CONTRACT: &str = "../../infra/openapi.yaml";
    println!("cargo::rerun-if-changed={CONTRACT}");
    let yaml = fs::read_to_string(CONTRACT).expect("infra/openapi.yaml is there");
    let contract: serde_json::Value = serde_saphyr::from_str(&yaml).expect("infra/openapi.yaml is YAML");
    let out = env::var_os("OUT_DIR").expect("cargo says where to write");
    fs::write(Path::new(&out).join("openapi.json"), contract.to_string()).expect("the contract can be written");
}
