//! Vectors on a Qdrant server that a team shares: what is sent there, what stays, and what its answers mean.
//!
//! A point is one chunk of one version of a file; its id follows from that, so that machines with the same code write the same
//! points. Only vectors, paths, lines, names and hashes leave, never text. Answers are matched by the hash of a text with what
//! this workspace has: a point of another branch says nothing here.

mod client;
mod doctor;
mod repository;
mod wire;

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use halfline_context::Embedder;
use halfline_context::retrieval::{Asked, ChunkId, ChunkRecord, Likenesses, VectorStore};
use serde_json::Value;

use crate::assistant::Rules;
use crate::config::Config;
use client::{Client, Errand, Fault};
use wire::Wire;

pub(crate) use doctor::look;

/// Points that are asked for, or written, with one request.
const BATCH: usize = 256;

/// The vectors of one workspace by one model on the server of the settings.
pub(crate) struct Qdrant {
    client: Client,
    wire: Wire,
    rules: Rules,
    name: String,
    /// Whether the collection was seen, and fits the model.
    is_ready: AtomicBool,
}

impl Qdrant {
    /// The store that the settings name, if they do. Nothing is sent yet.
    pub(crate) fn new(config: &Config, root: &Path, embedder: &dyn Embedder) -> Result<Option<Qdrant>, String> {
        if !config.search.qdrant.is_used() {
            return Ok(None);
        }
        let client = Client::new(config, root, embedder.id())?;
        let repository = repository::name(root);
        let collection = wire::collection(&config.search.qdrant.collection, embedder.id(), embedder.dimension());
        let name = format!("Qdrant at {}, collection {collection}, repository {repository}", client.host());
        let owner = repository::copy_of(root);
        let wire =
            Wire { collection, repository, owner, dimension: embedder.dimension(), model: embedder.id().to_owned() };
        Ok(Some(Qdrant { client, wire, rules: Rules::new(config, root)?, name, is_ready: AtomicBool::new(false) }))
    }

    /// Makes sure that there is a collection, and that it is one for this model.
    fn ready(&self) -> Result<(), String> {
        if self.is_ready.load(Ordering::Relaxed) {
            return Ok(());
        }
        let there = match self.ask(self.soon(self.wire.look())) {
            Ok(there) => there,
            Err(fault) if fault.is_absent() => {
                match self.ask(self.wire.create()) {
                    // Another machine was faster.
                    Err(fault) if fault.is_conflict() => Value::Null,
                    made => made.map_err(|fault| self.said(&fault))?,
                };
                for field in wire::FILTERED {
                    self.ask(self.wire.index(field)).map_err(|fault| self.said(&fault))?;
                }
                self.ask(self.wire.look()).map_err(|fault| self.said(&fault))?
            }
            Err(fault) => return Err(self.said(&fault)),
        };
        self.wire.check(&there).map_err(|why| self.said(&Fault::Other(why)))?;
        self.is_ready.store(true, Ordering::Relaxed);
        Ok(())
    }

    fn ask(&self, errand: Errand<'_>) -> Result<Value, Fault> {
        let answer = self.client.ask(errand);
        if answer.as_ref().is_err_and(Fault::is_absent) {
            self.is_ready.store(false, Ordering::Relaxed);
        }
        answer
    }

    /// What somebody may be waiting for.
    fn soon<'a>(&self, errand: Errand<'a>) -> Errand<'a> {
        Errand { within: Some(self.client.query_time()), ..errand }
    }

    fn said(&self, fault: &Fault) -> String {
        self.client.said(fault)
    }

    /// Asks, and reads the answer with `read`.
    fn fetch<T>(&self, errand: Errand<'_>, read: impl FnOnce(&Value) -> Result<T, String>) -> Result<T, String> {
        let answer = self.ask(errand).map_err(|fault| self.said(&fault))?;
        read(&answer).map_err(|why| self.said(&Fault::Other(why)))
    }
}

impl VectorStore for Qdrant {
    fn name(&self) -> &str {
        &self.name
    }

    fn may_have(&self, chunk: &ChunkRecord<'_>) -> bool {
        self.rules.keeps(Path::new(chunk.path), chunk.text).is_none()
    }

    fn count(&self) -> Result<usize, String> {
        self.ready()?;
        self.fetch(self.soon(self.wire.count()), wire::read_count)
    }

    fn known(&self, chunks: &[ChunkRecord<'_>]) -> Result<Vec<bool>, String> {
        self.ready()?;
        let mut known = Vec::with_capacity(chunks.len());
        for batch in chunks.chunks(BATCH) {
            let ids: Vec<String> = batch.iter().map(|chunk| self.wire.point_id(&chunk.id)).collect();
            let there = self.fetch(self.wire.retrieve(&ids), wire::read_known)?;
            // What another copy put there and this one has too is from now on not that one's to delete.
            let to_share: Vec<&str> = there
                .iter()
                .filter(|(_, point)| !point.is_shared && point.owner != self.wire.owner)
                .map(|(id, _)| id.as_str())
                .collect();
            if !to_share.is_empty() {
                self.fetch(self.wire.share(&to_share), |_| Ok(()))?;
            }
            known.extend(ids.iter().map(|id| there.contains_key(id)));
        }
        Ok(known)
    }

    fn put(&self, chunks: &[(ChunkRecord<'_>, &[f32])]) -> Result<(), String> {
        self.ready()?;
        for batch in chunks.chunks(BATCH) {
            self.fetch(self.wire.upsert(batch), |_| Ok(()))?;
        }
        Ok(())
    }

    fn forget(&self, chunks: &[ChunkId]) -> Result<(), String> {
        self.ready()?;
        for batch in chunks.chunks(BATCH) {
            self.fetch(self.wire.delete(batch), |_| Ok(()))?;
        }
        Ok(())
    }

    fn nearest(&self, asked: &Asked<'_>) -> Result<Likenesses<'_>, String> {
        if let Some(why) = self.rules.keeps_text(asked.text) {
            return Err(format!("the question was not sent to {}: {why}", self.client.host()));
        }
        let near = self.fetch(self.soon(self.wire.query(asked)), wire::read_nearest)?;
        Ok(Box::new(move |content| near.get(&content).copied()))
    }
}

#[cfg(test)]
mod tests;
