//! As much of a Qdrant server as the program uses: collections of points in memory, and searches that compare them all.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Value, json};

use crate::scripted::{Act, Handler, Received};

/// Points by collection and id, with their vectors and payloads. Clones are the same server.
#[derive(Clone, Debug, Default)]
pub struct FakeQdrant(Arc<Mutex<BTreeMap<String, Collection>>>);

#[derive(Debug, Default)]
struct Collection {
    size: u64,
    points: BTreeMap<String, Value>,
}

impl FakeQdrant {
    /// Answers as such a server does.
    pub fn act(&self) -> Act {
        let server = self.clone();
        Act::By(Handler::new(move |received| server.answer(received)))
    }

    /// The points of all collections, by id.
    pub fn points(&self) -> Vec<Value> {
        let collections = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        collections.values().flat_map(|one| one.points.values().cloned()).collect()
    }

    fn answer(&self, received: &Received) -> (u16, Value) {
        let mut collections = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let path = received.path.split('?').next().unwrap_or_default();
        let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
        let body = &received.body;
        let result = match (received.method.as_str(), &parts[..]) {
            ("GET", []) => return (200, json!({"title": "qdrant - vector search engine", "version": "1.15.0"})),
            ("GET", ["collections"]) => {
                let names: Vec<Value> = collections.keys().map(|name| json!({ "name": name })).collect();
                json!({ "collections": names })
            }
            ("PUT", ["collections", name]) => {
                let size = body["vectors"]["size"].as_u64().unwrap_or_default();
                collections.insert((*name).to_owned(), Collection { size, points: BTreeMap::new() });
                json!(true)
            }
            (method, ["collections", name, rest @ ..]) => match collections.get_mut(*name) {
                None => {
                    return (
                        404,
                        json!({"status": {"error": format!("Not found: Collection `{name}` doesn't exist!")}}),
                    );
                }
                Some(collection) => match collection.answer(method, &rest.join("/"), body) {
                    Ok(result) => result,
                    Err(error) => return (400, json!({"status": {"error": error}})),
                },
            },
            _ => return (404, json!({"status": {"error": "no such path"}})),
        };
        (200, json!({"result": result, "status": "ok", "time": 0.0}))
    }
}

impl Collection {
    fn answer(&mut self, method: &str, path: &str, body: &Value) -> Result<Value, String> {
        let done = json!({"operation_id": 0, "status": "completed"});
        Ok(match (method, path) {
            ("GET", "") => json!({
                "points_count": self.points.len(),
                "config": {"params": {"vectors": {"size": self.size, "distance": "Cosine"}}},
            }),
            ("PUT", "index") => done,
            ("POST", "points/count") => json!({"count": self.fitting(&body["filter"]).count()}),
            ("POST", "points") => {
                let ids = body["ids"].as_array().into_iter().flatten().filter_map(Value::as_str);
                ids.filter_map(|id| self.points.get(id).cloned()).collect()
            }
            ("PUT", "points") => {
                for point in body["points"].as_array().into_iter().flatten() {
                    let length = point["vector"].as_array().map_or(0, Vec::len) as u64;
                    if length != self.size {
                        return Err(format!("Vector dimension error: expected dim: {}, got {length}", self.size));
                    }
                    let id = point["id"].as_str().ok_or("no id")?;
                    self.points.insert(id.to_owned(), point.clone());
                }
                done
            }
            ("POST", "points/payload") => {
                for id in body["points"].as_array().into_iter().flatten().filter_map(Value::as_str) {
                    let point = self.points.get_mut(id).ok_or("no such point")?;
                    for (name, value) in body["payload"].as_object().into_iter().flatten() {
                        point["payload"][name] = value.clone();
                    }
                }
                done
            }
            ("POST", "points/delete") => {
                let gone: Vec<String> = self.fitting(&body["filter"]).map(|(id, _)| id.clone()).collect();
                gone.iter().for_each(|id| drop(self.points.remove(id)));
                done
            }
            ("POST", "points/query") => {
                let product = |point: &Value| -> f64 {
                    let numbers = |value: &Value| -> Vec<f64> {
                        value.as_array().into_iter().flatten().filter_map(Value::as_f64).collect()
                    };
                    let (a, b) = (numbers(&point["vector"]), numbers(&body["query"]));
                    let length = |of: &[f64]| of.iter().map(|number| number * number).sum::<f64>().sqrt();
                    a.iter().zip(&b).map(|(a, b)| a * b).sum::<f64>() / (length(&a) * length(&b)).max(1e-9)
                };
                let fitting = self.fitting(&body["filter"]);
                let mut found: Vec<(f64, &Value)> = fitting.map(|(_, point)| (product(point), point)).collect();
                found.sort_by(|a, b| b.0.total_cmp(&a.0));
                found.truncate(body["limit"].as_u64().unwrap_or(10) as usize);
                let shown = |(score, point): &(f64, &Value)| json!({"id": point["id"], "score": score, "payload": point["payload"]});
                json!({"points": found.iter().map(shown).collect::<Vec<_>>()})
            }
            _ => return Err(format!("no such request: {method} {path}")),
        })
    }

    fn fitting<'a>(&'a self, filter: &'a Value) -> impl Iterator<Item = (&'a String, &'a Value)> {
        let list = |name: &str| filter[name].as_array().cloned().unwrap_or_default();
        let (must, must_not) = (list("must"), list("must_not"));
        self.points.iter().filter(move |(_, point)| {
            must.iter().all(|condition| fits(point, condition))
                && !must_not.iter().any(|condition| fits(point, condition))
        })
    }
}

fn fits(point: &Value, condition: &Value) -> bool {
    if let Some(ids) = condition["has_id"].as_array() {
        return ids.contains(&point["id"]);
    }
    let wanted = &condition["match"]["value"];
    let value = condition["key"].as_str().map_or(&Value::Null, |key| &point["payload"][key]);
    value == wanted || value.as_array().is_some_and(|values| values.contains(wanted))
}
