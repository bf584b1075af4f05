//! `GET /v2/docs`: the contract as a page for people, which needs nothing from elsewhere.

use edge::{Call, Problem, Reply};

use crate::App;

/// Draws the contract in a browser; see `infra/docs/README.md`.
const RENDERER: &str = include_str!("../../../../infra/docs/redoc.standalone.js");

/// The contract, as `build.rs` made it of `infra/openapi.yaml`.
const CONTRACT: &str = include_str!(concat!(env!("OUT_DIR"), "/openapi.json"));

/// Nothing may be fetched, so that nobody learns who reads it; the renderer's search runs in a worker that it makes itself.
const POLICY: &str = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:; \
                      worker-src blob:; base-uri 'none'; form-action 'none'";

/// Answers the request.
///
/// # Errors
/// None that a client could cause.
pub async fn handle(_app: &App, _call: Call) -> Result<Reply, Problem> {
    Ok(Reply { status: 200, body: page(), headers: Vec::new() }
        .header("content-type", "text/html; charset=utf-8")
        .header("content-security-policy", POLICY)
        .header("cache-control", "public, max-age=300"))
}

/// The page.
pub fn page() -> String {
    // Within a script nothing ends it but this, whatever a description says.
    let contract = CONTRACT.replace('<', "\\u003c");
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{POLICY}\">\n\
         <title>Mailhouse API</title>\n<style>body {{ margin: 0 }}</style>\n</head>\n<body>\n<main id=\"contract\"></main>\n\
         <script>{RENDERER}\n</script>\n\
         <script>Redoc.init({contract}, {{ disableSearch: false, sortTagsAlphabetically: false, \
         hideDownloadButtons: true, nativeScrollbars: true }}, document.getElementById(\"contract\"));</script>\n\
         </body>\n</html>\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_has_the_whole_contract_and_asks_for_nothing_from_elsewhere() {
        let page = page();
        assert_eq!(page.matches("</script>").count(), 2, "something ends a script early");
        let start = page.find("Redoc.init(").unwrap() + "Redoc.init(".len();
        let contract: serde_json::Value =
            serde_json::Deserializer::from_str(&page[start..]).into_iter().next().unwrap().unwrap();
        let paths = contract["paths"].as_object().unwrap();
        assert!(crate::routes::ROUTES.iter().all(|route| paths.contains_key(route.path)));
        for attribute in ["src=\"http", "href=\"http", "@import"] {
            assert!(!page[..page.find(RENDERER).unwrap()].contains(attribute), "{attribute}");
        }
        assert!(page.contains("default-src 'none'"));
    }
}
