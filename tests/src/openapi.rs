//! Holds answers of the API to infra/openapi.yaml: a status that is not described, or a body of another shape, is an error.

use std::fmt::Write;
use std::sync::OnceLock;

use serde_json::{Map, Value};

/// An answer of the API, as it came.
#[derive(Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The headers, their names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Answer {
    /// A header, by its name in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The body as text, as far as it is text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// An operation of the API.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Operation {
    /// Its name.
    pub id: String,
    /// The HTTP method, in capitals.
    pub method: String,
    /// The path, with parameters in braces.
    pub path: String,
    /// The scope that a caller must have; none for an open door.
    pub scope: Option<String>,
}

/// The description of the API.
pub struct Description {
    document: Value,
}

impl Description {
    /// The one in infra/openapi.yaml.
    pub fn get() -> &'static Self {
        static DESCRIPTION: OnceLock<Description> = OnceLock::new();
        DESCRIPTION.get_or_init(|| {
            let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../infra/openapi.yaml");
            let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{path} cannot be read: {error}"));
            let document = serde_saphyr::from_str(&text).unwrap_or_else(|error| panic!("{path} is not YAML: {error}"));
            Description { document }
        })
    }

    /// Every operation.
    pub fn operations(&self) -> Vec<Operation> {
        self.all().map(|(operation, _)| operation).collect()
    }

    /// The operation of that name.
    pub fn operation(&self, id: &str) -> Option<Operation> {
        self.all().map(|(operation, _)| operation).find(|operation| operation.id == id)
    }

    /// Whether the operation may give that answer.
    ///
    /// # Errors
    /// A sentence that says what about it is not described.
    pub fn judge(&self, id: &str, answer: &Answer) -> Result<(), String> {
        let status = answer.status;
        let response = self.response(id, status)?;
        for (name, header) in response["headers"].as_object().into_iter().flatten() {
            let header = self.resolve(header);
            match answer.header(&name.to_ascii_lowercase()) {
                Some(value) => {
                    self.fits(&header["schema"], &Value::from(value)).map_err(|faults| format!("{name}: {faults}"))?
                }
                None if header["required"] == true => return Err(format!("it has no header {name}")),
                None => {}
            }
        }
        let Some(content) = response["content"].as_object() else {
            return if answer.body.is_empty() {
                Ok(())
            } else {
                Err("it has a body, and none is described".to_owned())
            };
        };
        let kind = answer.header("content-type").unwrap_or_default();
        let kind = kind.split(';').next().unwrap_or_default().trim();
        let media = content.get(kind).ok_or_else(|| format!("its Content-Type {kind:?} is not described"))?;
        let body = match kind {
            "application/json" => {
                serde_json::from_slice(&answer.body).map_err(|error| format!("its body is not JSON: {error}"))?
            }
            _ => Value::from(answer.text()),
        };
        self.fits(&media["schema"], &body)
    }

    /// Whether every example fits the schema that it stands beside.
    ///
    /// # Errors
    /// Those that do not.
    pub fn judge_examples(&self) -> Result<usize, String> {
        let (mut count, mut faults) = (0, String::new());
        self.visit("", &self.document, &mut |place, node| {
            let schema = if node.contains_key("schema") { node.get("schema") } else { None };
            let own = Value::Object(node.clone());
            let beside: Vec<&Value> = match (schema, node.get("examples")) {
                (Some(_), Some(Value::Object(named))) => named.values().map(|example| &example["value"]).collect(),
                (None, Some(Value::Array(examples))) => examples.iter().collect(),
                _ => node.get("example").into_iter().collect(),
            };
            for example in beside {
                count += 1;
                if let Err(fault) = self.fits(schema.unwrap_or(&own), example) {
                    let _ = writeln!(faults, "{place}: {fault}");
                }
            }
        });
        if faults.is_empty() { Ok(count) } else { Err(faults) }
    }

    /// Whether a member that is not described makes the JSON body of an operation a wrong one; `None` when it takes no JSON.
    pub fn closes_body(&self, id: &str) -> Option<bool> {
        let (_, described) = self.all().find(|(operation, _)| operation.id == id)?;
        let schema = described.pointer("/requestBody/content/application~1json/schema")?;
        let closed = |schema: &Value| {
            ["additionalProperties", "unevaluatedProperties"].iter().any(|word| schema[word] == Value::Bool(false))
        };
        Some(closed(schema) || closed(self.resolve(schema)))
    }

    /// Whether the operation takes that JSON body.
    ///
    /// # Errors
    /// A sentence that says what about it is not described.
    pub fn takes(&self, id: &str, body: &Value) -> Result<(), String> {
        let described = self.all().find(|(operation, _)| operation.id == id);
        let schema = described.and_then(|(_, it)| it.pointer("/requestBody/content/application~1json/schema"));
        self.fits(schema.ok_or_else(|| format!("no operation {id:?} takes JSON"))?, body)
    }

    /// The references that lead nowhere.
    pub fn dangling(&self) -> Vec<String> {
        let mut dangling = Vec::new();
        self.visit("", &self.document, &mut |_, node| {
            if let Some(Value::String(target)) = node.get("$ref")
                && target.strip_prefix('#').and_then(|pointer| self.document.pointer(pointer)).is_none()
            {
                dangling.push(target.clone());
            }
        });
        dangling
    }

    fn all(&self) -> impl Iterator<Item = (Operation, &Value)> {
        let paths = self.document["paths"].as_object().into_iter().flatten();
        paths.flat_map(|(path, item)| {
            let methods = item.as_object().into_iter().flatten().filter(|(name, _)| *name != "parameters");
            methods.map(move |(method, described)| {
                let security = described.get("security").unwrap_or(&Value::Null);
                let operation = Operation {
                    id: described["operationId"].as_str().unwrap_or_default().to_owned(),
                    method: method.to_uppercase(),
                    path: path.clone(),
                    scope: security[0]["bearer"][0].as_str().map(str::to_owned),
                };
                (operation, described)
            })
        })
    }

    fn response(&self, id: &str, status: u16) -> Result<&Value, String> {
        let (_, described) = self
            .all()
            .find(|(operation, _)| operation.id == id)
            .ok_or_else(|| format!("no operation is named {id:?}"))?;
        let responses = &described["responses"];
        let range = format!("{}XX", status / 100);
        let response = responses.get(status.to_string()).or_else(|| responses.get(range));
        response
            .map(|response| self.resolve(response))
            .ok_or_else(|| format!("{id} does not describe the status {status}"))
    }

    fn resolve<'a>(&'a self, node: &'a Value) -> &'a Value {
        let target = node["$ref"].as_str().and_then(|target| target.strip_prefix('#'));
        target.and_then(|pointer| self.document.pointer(pointer)).unwrap_or(node)
    }

    fn fits(&self, schema: &Value, instance: &Value) -> Result<(), String> {
        // References in a schema start at the document's root, so the schema is put into one.
        let mut root = schema.as_object().cloned().unwrap_or_default();
        root.insert("components".to_owned(), self.document["components"].clone());
        let validator = jsonschema::draft202012::options()
            .should_validate_formats(true)
            .build(&Value::Object(root))
            .map_err(|error| format!("its schema is none: {error}"))?;
        let faults: Vec<String> = validator
            .iter_errors(instance)
            .map(|error| format!("at {:?}: {error}", error.instance_path().to_string()))
            .collect();
        if faults.is_empty() { Ok(()) } else { Err(faults.join("; ")) }
    }

    fn visit(&self, place: &str, node: &Value, see: &mut impl FnMut(&str, &Map<String, Value>)) {
        match node {
            Value::Object(members) => {
                see(place, members);
                for (name, member) in
                    members.iter().filter(|(name, _)| !matches!(name.as_str(), "example" | "examples"))
                {
                    self.visit(&format!("{place}/{name}"), member, see);
                }
            }
            Value::Array(members) => {
                for (index, member) in members.iter().enumerate() {
                    self.visit(&format!("{place}/{index}"), member, see);
                }
            }
            _ => {}
        }
    }
}
