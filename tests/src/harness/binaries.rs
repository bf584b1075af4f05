//! Where the shipped binaries are.

use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

use super::{Error, Result};

/// A shipped binary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Binary {
    /// Serves the endpoints.
    Api,
    /// Works off the queues.
    Workers,
    /// Lays HTML out, beside those that need it.
    RenderChild,
}

impl Binary {
    fn name(self) -> &'static str {
        match self {
            Binary::Api => "api",
            Binary::Workers => "workers",
            Binary::RenderChild => "render-child",
        }
    }

    /// Its path. It is built as `infra/local/build` does, which takes a moment when it is up to date; with
    /// `MAILHOUSE_BIN_DIR` set, the binaries of that folder are taken as they are.
    ///
    /// # Errors
    /// When it does not build or is not there.
    pub fn path(self) -> Result<PathBuf> {
        if let Some(folder) = std::env::var_os("MAILHOUSE_BIN_DIR") {
            let path = PathBuf::from(folder).join(self.name());
            return if path.is_file() {
                Ok(path)
            } else {
                Err(format!("there is no binary at {}", path.display()).into())
            };
        }
        static BUILT: OnceLock<std::result::Result<Vec<PathBuf>, String>> = OnceLock::new();
        let built = BUILT
            .get_or_init(|| {
                build(&["--package", "api", "--package", "workers", "--package", "render-child"])
                    .map_err(|error| error.to_string())
            })
            .as_ref()
            .map_err(Clone::clone)?;
        let found = built.iter().find(|path| path.file_stem().is_some_and(|stem| stem == self.name()));
        found.cloned().ok_or_else(|| format!("cargo built no binary {}", self.name()).into())
    }
}

/// Builds in release what `arguments` name, and answers where the binaries are.
///
/// # Errors
/// When it does not build.
pub fn build(arguments: &[&str]) -> Result<Vec<PathBuf>> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let built = Command::new(cargo)
        .args(["build", "--release", "--locked"])
        .args(arguments)
        .arg("--message-format=json-render-diagnostics")
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()?;
    if !built.status.success() {
        return Err(Error::from(String::from_utf8_lossy(&built.stderr).into_owned()));
    }
    let messages = serde_json::Deserializer::from_slice(&built.stdout).into_iter::<serde_json::Value>();
    let mut paths = Vec::new();
    for message in messages {
        paths.extend(message?["executable"].as_str().map(PathBuf::from));
    }
    Ok(paths)
}
