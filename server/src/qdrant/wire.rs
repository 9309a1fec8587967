//! What is said to a Qdrant server and what its answers contain. Nothing is sent here.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use halfline_context::retrieval::{Asked, ChunkId, ChunkRecord};
use halfline_inference::remote::Method;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::client::Errand;

/// What searches are narrowed by, and the server shall have at hand.
pub(super) const FILTERED: [&str; 3] = ["repository", "language", "folders"];

/// What is the same in all that is said.
pub(super) struct Wire {
    pub(super) collection: String,
    /// Whose code it is.
    pub(super) repository: String,
    /// Which copy of that code this is.
    pub(super) owner: String,
    pub(super) model: String,
    pub(super) dimension: usize,
}

/// A point that is there.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Known {
    /// Which copy put it there.
    pub(super) owner: String,
    /// Whether another copy has met it.
    pub(super) is_shared: bool,
}

/// The collection for the vectors of a model.
pub(super) fn collection(prefix: &str, model: &str, dimension: usize) -> String {
    let plain = |text: &str| -> String {
        text.chars().map(|ch| if ch.is_ascii_alphanumeric() || ch == '_' { ch } else { '-' }).collect()
    };
    format!("{}-{}-{dimension}", plain(prefix), plain(model))
}

impl Wire {
    /// The id of a chunk: a UUID (version 8, RFC 9562) made of whose code it is, its file, its lines and its text's hash.
    pub(super) fn point_id(&self, chunk: &ChunkId) -> String {
        let mut hasher = Sha256::new();
        hasher.update(self.repository.as_bytes());
        hasher.update([0]);
        hasher.update(chunk.file.to_be_bytes());
        hasher.update(chunk.lines.0.to_be_bytes());
        hasher.update(chunk.lines.1.to_be_bytes());
        hasher.update(chunk.content.to_be_bytes());
        let mut hex = hex(&hasher.finalize()[..16]);
        hex.replace_range(12..13, "8");
        hex.replace_range(16..17, "a");
        format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
    }

    pub(super) fn look(&self) -> Errand<'static> {
        self.errand(Method::Get, "", Value::Null, "to see what collection there is")
    }

    pub(super) fn create(&self) -> Errand<'static> {
        let body = json!({ "vectors": { "size": self.dimension, "distance": "Cosine" } });
        self.errand(Method::Put, "", body, "to make a collection")
    }

    pub(super) fn index(&self, field: &str) -> Errand<'static> {
        let body = json!({ "field_name": field, "field_schema": "keyword" });
        self.errand(Method::Put, "/index?wait=true", body, "to make a collection")
    }

    pub(super) fn count(&self) -> Errand<'static> {
        let body = json!({ "filter": { "must": [self.of_repository()] }, "exact": true });
        self.errand(Method::Post, "/points/count", body, "to see how many vectors there are")
    }

    pub(super) fn retrieve(&self, ids: &[String]) -> Errand<'static> {
        let body = json!({ "ids": ids, "with_payload": ["owner", "shared"], "with_vector": false });
        self.errand(Method::Post, "/points", body, "to see which vectors are there")
    }

    pub(super) fn share(&self, ids: &[&str]) -> Errand<'static> {
        let body = json!({ "payload": { "shared": true }, "points": ids });
        self.errand(Method::Post, "/points/payload?wait=true", body, "to keep vectors that another copy put there")
    }

    pub(super) fn upsert<'a>(&self, chunks: &[(ChunkRecord<'a>, &[f32])]) -> Errand<'a> {
        let points: Vec<Value> = chunks.iter().map(|(chunk, vector)| self.point(chunk, vector)).collect();
        let files: BTreeSet<&str> = chunks.iter().map(|(chunk, _)| chunk.path).collect();
        let errand = self.errand(Method::Put, "/points?wait=true", json!({ "points": points }), "vectors of new code");
        Errand { files: files.into_iter().collect(), ..errand }
    }

    /// Only what this copy put there, and no other has met.
    pub(super) fn delete(&self, chunks: &[ChunkId]) -> Errand<'static> {
        let ids: Vec<String> = chunks.iter().map(|chunk| self.point_id(chunk)).collect();
        let own = json!({ "key": "owner", "match": { "value": self.owner } });
        let shared = json!({ "key": "shared", "match": { "value": true } });
        let body = json!({ "filter": { "must": [{ "has_id": ids }, own], "must_not": [shared] } });
        self.errand(Method::Post, "/points/delete?wait=true", body, "to forget code that is gone")
    }

    pub(super) fn query(&self, asked: &Asked<'_>) -> Errand<'static> {
        let mut must = vec![self.of_repository()];
        for (field, value) in [("language", asked.language), ("folders", asked.folder)] {
            must.extend(value.map(|value| json!({ "key": field, "match": { "value": value } })));
        }
        let body = json!({
            "query": numbers(asked.vector),
            "filter": { "must": must },
            "limit": asked.limit,
            "with_payload": ["content"],
        });
        self.errand(Method::Post, "/points/query", body, "a search by meaning")
    }

    /// Whether a collection is one for vectors of this model; the error says what to do.
    pub(super) fn check(&self, collection: &Value) -> Result<(), String> {
        let vectors = result(collection)?.pointer("/config/params/vectors").unwrap_or(&Value::Null);
        let (size, distance) = (vectors["size"].as_u64(), vectors["distance"].as_str());
        if size == Some(self.dimension as u64) && distance == Some("Cosine") {
            return Ok(());
        }
        let (size, distance) = (size.map_or("?".to_owned(), |size| size.to_string()), distance.unwrap_or("?"));
        Err(format!(
            "its collection {} has vectors of {size} numbers compared by {distance}, and {} makes {} for Cosine; choose another \
             name with `search.qdrant.collection`",
            self.collection, self.model, self.dimension
        ))
    }

    fn point(&self, chunk: &ChunkRecord<'_>, vector: &[f32]) -> Value {
        let folders: Vec<&str> = chunk.path.match_indices('/').map(|(at, _)| &chunk.path[..at]).collect();
        json!({
            "id": self.point_id(&chunk.id),
            "vector": numbers(vector),
            "payload": {
                "repository": self.repository,
                "path": chunk.path,
                "folders": folders,
                // From 1, as people count.
                "lines": [chunk.id.lines.0 + 1, chunk.id.lines.1 + 1],
                "language": chunk.language,
                "symbol": chunk.symbol,
                // A server's whole numbers are signed.
                "content": format!("{:016x}", chunk.id.content),
                "model": self.model,
                "owner": self.owner,
            },
        })
    }

    fn of_repository(&self) -> Value {
        json!({ "key": "repository", "match": { "value": self.repository } })
    }

    fn errand(&self, method: Method, path: &str, body: Value, what: &'static str) -> Errand<'static> {
        let path = format!("collections/{}{path}", self.collection);
        Errand { method, path, body, what, files: Vec::new(), within: None }
    }
}

/// How many there are.
pub(super) fn read_count(answer: &Value) -> Result<usize, String> {
    let count = result(answer)?["count"].as_u64().ok_or_else(|| nonsense("`count`"))?;
    usize::try_from(count).map_err(|_| nonsense("a possible `count`"))
}

/// The points that are there, by id.
pub(super) fn read_known(answer: &Value) -> Result<BTreeMap<String, Known>, String> {
    let points = result(answer)?.as_array().ok_or_else(|| nonsense("a list of points"))?;
    let known = |point: &Value| {
        let id = point["id"].as_str()?.to_owned();
        let owner = point["payload"]["owner"].as_str().unwrap_or_default().to_owned();
        Some((id, Known { owner, is_shared: point["payload"]["shared"] == true }))
    };
    points.iter().map(|point| known(point).ok_or_else(|| nonsense("the `id` of a point"))).collect()
}

/// How alike texts are, by their hash.
pub(super) fn read_nearest(answer: &Value) -> Result<HashMap<u64, f32>, String> {
    let points = result(answer)?["points"].as_array().ok_or_else(|| nonsense("`points`"))?;
    let near = |point: &Value| {
        let content = u64::from_str_radix(point["payload"]["content"].as_str()?, 16).ok()?;
        Some((content, (point["score"].as_f64()? as f32).clamp(-1.0, 1.0)))
    };
    points.iter().map(|point| near(point).ok_or_else(|| nonsense("the `score` and `content` of a point"))).collect()
}

/// What an answer is about.
pub(super) fn result(answer: &Value) -> Result<&Value, String> {
    answer.get("result").ok_or_else(|| nonsense("`result`"))
}

fn nonsense(missing: &str) -> String {
    format!("its answer makes no sense: {missing} is missing")
}

/// With as few digits as say the same: most of what is sent is numbers.
fn numbers(vector: &[f32]) -> Vec<f64> {
    vector.iter().map(|number| number.to_string().parse().unwrap_or_default()).collect()
}

/// Bytes as text.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
