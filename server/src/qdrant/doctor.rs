//! Whether the server of the settings answers, and what it has.

use std::path::Path;

use halfline_inference::remote::Method;
use serde_json::Value;

use super::client::{Client, Errand, Fault};
use super::wire::result;
use crate::config::Config;

/// The first version that has the requests made here.
const OLDEST: (u64, u64) = (1, 10);

/// What it is and has, in one line; the error says what is wrong, also with its version.
pub(crate) fn look(config: &Config, root: &Path) -> Result<String, String> {
    let client = Client::new(config, root, "")?;
    let get = |path: String| {
        let what = "to see whether the server answers";
        let within = Some(client.query_time());
        client.ask(Errand { method: Method::Get, path, body: Value::Null, what, files: Vec::new(), within })
    };
    let look = || -> Result<String, Fault> {
        let server = get(String::new())?;
        let version = server["version"].as_str().ok_or_else(|| Fault::Other("it is no Qdrant".to_owned()))?;
        let mut numbers = version.split('.').map_while(|number| number.parse::<u64>().ok());
        if (numbers.next().unwrap_or_default(), numbers.next().unwrap_or_default()) < OLDEST {
            return Err(Fault::Other(format!("version {version} is too old; {}.{} is needed", OLDEST.0, OLDEST.1)));
        }
        let listed = get("collections".to_owned())?;
        let prefix = format!("{}-", config.search.qdrant.collection);
        let all = result(&listed).map_err(Fault::Other)?["collections"].as_array().into_iter().flatten();
        let mut parts = vec![format!("Qdrant {version} at {}", client.host())];
        for name in all.filter_map(|one| one["name"].as_str()).filter(|name| name.starts_with(&prefix)) {
            let there = get(format!("collections/{name}"))?;
            let points = result(&there).map_err(Fault::Other)?["points_count"].as_u64().unwrap_or_default();
            parts.push(format!("{name} with {points} vectors"));
        }
        if parts.len() == 1 {
            parts.push("no collection yet".to_owned());
        }
        Ok(parts.join(", "))
    };
    look().map_err(|fault| client.said(&fault))
}
