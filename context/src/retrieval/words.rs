//! The inverted index: which chunks hold which words, in tantivy's format, and BM25 over it.
//!
//! One document for each chunk: its words, the hash of its file's path, and its lines. Everything else is known from the
//! workspace's symbols. One process at a time writes; tantivy's lock file says which. The others read what it commits.

use std::collections::HashMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rustc_hash::FxBuildHasher;
use tantivy::collector::TopDocs;
use tantivy::directory::{Directory, INDEX_WRITER_LOCK, MmapDirectory};
use tantivy::indexer::UserOperation;
use tantivy::postings::Postings;
use tantivy::query::{BooleanQuery, Query, TermQuery};
use tantivy::schema::{FAST, Field, INDEXED, IndexRecordOption, Schema, TextFieldIndexing, TextOptions};
use tantivy::tokenizer::{TextAnalyzer, TokenizerManager};
use tantivy::{
    DocAddress, DocSet, Index, IndexReader, IndexWriter, ReloadPolicy, TERMINATED, TantivyDocument, TantivyError, Term,
};

use super::chunk::Chunk;
use super::tokens::Splitter;

/// Memory for words that are not yet written out, in bytes for each thread.
const WRITER_BYTES: usize = 48 << 20;
/// Words that [`Words::like`] looks up; the more frequent ones tell little and cost most.
const RAREST: usize = 16;
/// [`Words::like`] looks for what other processes have written when it has not done so for this long.
const LOOKED: Duration = Duration::from_secs(1);
/// How long another process is given to finish what it is doing to the files.
const PATIENCE: Duration = Duration::from_millis(100);
const TOKENIZER: &str = "code";
/// BM25's two numbers, as everyone has them.
const K1: f32 = 1.2;
const B: f32 = 0.75;

/// The words of a workspace's chunks.
pub(crate) struct Words {
    index: Index,
    reader: IndexReader,
    writer: Mutex<Option<IndexWriter>>,
    /// Held while operations get their place in the writer's order. tantivy numbers them before it queues them, and a
    /// deletion that is queued behind one with a higher number deletes what was added after it.
    order: Mutex<()>,
    /// What the reader has loaded: its generation, and when that was last compared with the one on disk.
    loaded: Mutex<(u64, Instant)>,
    /// Whether reading has failed in a way that only making the index anew can mend.
    damaged: AtomicBool,
    fields: Fields,
}

#[derive(Clone, Copy)]
struct Fields {
    body: Field,
    file: Field,
    lines: Field,
}

/// What a file's words say of a query.
#[derive(Clone, Debug, Default)]
pub(crate) struct FileScore {
    /// BM25 of the whole file.
    pub(crate) score: f32,
    /// BM25 of its chunks: first and last line, score.
    pub(crate) chunks: Vec<((usize, usize), f32)>,
}

/// Scores by [`path_hash`](crate::workspace) of a file.
pub(crate) type FileScores = HashMap<u64, FileScore, FxBuildHasher>;

impl Words {
    /// Opens the index in `directory`, or makes an empty one where none can be used.
    pub(crate) fn open(directory: &Path) -> tantivy::Result<Words> {
        let (schema, fields) = schema();
        let open = || -> tantivy::Result<(Index, IndexReader)> {
            let found = MmapDirectory::open(directory)?;
            let index = Index::builder().schema(schema.clone()).tokenizers(tokenizers()).open_or_create(found)?;
            if let Some(path) = index.validate_checksum()?.into_iter().next() {
                return Err(TantivyError::InternalError(format!("the checksum of {} is wrong", path.display())));
            }
            let reader = index.reader_builder().reload_policy(ReloadPolicy::Manual).try_into()?;
            Ok((index, reader))
        };
        let (index, reader) = match open() {
            Ok(opened) => opened,
            Err(error) => {
                tracing::info!(directory = %directory.display(), "the word index cannot be used: {error}");
                // Beside a process that writes, files come and go: then nothing is damaged, and nothing may be removed.
                match MmapDirectory::open(directory)?.acquire_lock(&INDEX_WRITER_LOCK) {
                    Ok(_alone) => {
                        remove_all_but_locks(directory)?;
                        open()?
                    }
                    Err(_) => {
                        std::thread::sleep(PATIENCE);
                        open()?
                    }
                }
            }
        };
        let words = Words {
            index,
            reader,
            writer: Mutex::new(None),
            order: Mutex::default(),
            loaded: Mutex::new((0, Instant::now())),
            damaged: AtomicBool::new(false),
            fields,
        };
        words.note_loaded();
        Ok(words)
    }

    /// Whether reading has failed in a way that only making the index anew can mend.
    pub(crate) fn is_damaged(&self) -> bool {
        self.damaged.load(Ordering::Relaxed)
    }

    /// Notes what an error says of the files.
    fn judge<T>(&self, outcome: tantivy::Result<T>) -> tantivy::Result<T> {
        if let Err(error) = &outcome {
            let is_damage = match error {
                TantivyError::OpenReadError(_)
                | TantivyError::DataCorruption(_)
                | TantivyError::IncompatibleIndex(_)
                | TantivyError::InternalError(_) => true,
                TantivyError::IoError(error) => {
                    matches!(error.kind(), std::io::ErrorKind::UnexpectedEof | std::io::ErrorKind::InvalidData)
                }
                _ => false,
            };
            if is_damage && !self.damaged.swap(true, Ordering::Relaxed) {
                tracing::warn!("the word index is damaged and will be made anew: {error}");
            }
        }
        outcome
    }

    fn note_loaded(&self) {
        *self.loaded.lock().unwrap_or_else(PoisonError::into_inner) = (self.generation(), Instant::now());
    }

    /// Loads what other processes have written, if there is anything new; looks for it once in a while only.
    fn load_news(&self) -> tantivy::Result<()> {
        let mut loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        if loaded.1.elapsed() < LOOKED {
            return Ok(());
        }
        let generation = self.generation();
        if generation != loaded.0 {
            self.reader.reload()?;
        }
        *loaded = (generation, Instant::now());
        Ok(())
    }

    /// The generation of what was committed last; 0 for nothing.
    pub(crate) fn generation(&self) -> u64 {
        let payload = self.index.load_metas().ok().and_then(|metas| metas.payload);
        payload.and_then(|text| text.parse().ok()).unwrap_or_default()
    }

    /// The generation that is searched by [`Words::like`]; looks for a newer one once in a while only.
    pub(crate) fn loaded_generation(&self) -> u64 {
        if let Err(error) = self.judge(self.load_news()) {
            tracing::debug!("what was written last cannot be read: {error}");
        }
        self.loaded.lock().unwrap_or_else(PoisonError::into_inner).0
    }

    /// Becomes the one process that writes; `None` while another is.
    pub(crate) fn write(&self) -> Option<Writing<'_>> {
        let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        if writer.is_none() {
            let threads = std::thread::available_parallelism().map_or(1, usize::from).min(4);
            *writer = match self.index.writer_with_num_threads(threads, WRITER_BYTES * threads) {
                Ok(writer) => Some(writer),
                Err(error) => {
                    tracing::debug!("another process writes the word index: {error}");
                    None
                }
            };
        }
        writer.is_some().then_some(Writing { words: self, writer })
    }

    /// The chunks (hash of the file's path, first and last line) that share the rarest of `words`, the best by BM25 first.
    /// Made for every few keystrokes: may look at what was committed a second ago.
    pub(crate) fn like(&self, words: &[String], limit: usize) -> tantivy::Result<Vec<(u64, (usize, usize))>> {
        self.judge(self.load_news().and_then(|()| self.best_like(words, limit)))
    }

    fn best_like(&self, words: &[String], limit: usize) -> tantivy::Result<Vec<(u64, (usize, usize))>> {
        let searcher = self.reader.searcher();
        let mut terms = Vec::new();
        for word in words {
            let term = Term::from_field_text(self.fields.body, word);
            terms.push((searcher.doc_freq(&term)?, term));
        }
        terms.retain(|(chunks, _)| *chunks > 0);
        terms.sort_unstable();
        terms.dedup();
        terms.truncate(RAREST);
        let query = |(_, term)| Box::new(TermQuery::new(term, IndexRecordOption::WithFreqs)) as Box<dyn Query>;
        let query = BooleanQuery::union(terms.into_iter().map(query).collect());
        let best = searcher.search(&query, &TopDocs::with_limit(limit).order_by_score())?;
        let read = |address: DocAddress| -> tantivy::Result<(u64, (usize, usize))> {
            let fields = searcher.segment_reader(address.segment_ord).fast_fields();
            let value =
                |name| Ok::<_, tantivy::TantivyError>(fields.u64(name)?.first(address.doc_id).unwrap_or_default());
            Ok((value("file")?, unpack(value("lines")?)))
        };
        best.into_iter().map(|(_, address)| read(address)).collect()
    }

    /// BM25 of every file and chunk that holds one of `terms`, each with its weight.
    pub(crate) fn score(&self, terms: &[(String, f32)]) -> tantivy::Result<FileScores> {
        self.judge(self.reader.reload().and_then(|()| self.score_all(terms)))
    }

    fn score_all(&self, terms: &[(String, f32)]) -> tantivy::Result<FileScores> {
        let searcher = self.reader.searcher();
        let corpus = Corpus::read(&searcher, self.fields)?;
        let mut scores = FileScores::default();
        let mut chunk_scores: HashMap<(u64, u64), f32, FxBuildHasher> = HashMap::default();
        for (word, weight) in terms {
            let term = Term::from_field_text(self.fields.body, word);
            let mut in_files: HashMap<u64, u32, FxBuildHasher> = HashMap::default();
            let mut in_chunks: Vec<((u64, u64), u32, u32)> = Vec::new();
            for segment in searcher.segment_readers() {
                let inverted = segment.inverted_index(self.fields.body)?;
                let Some(mut postings) = inverted.read_postings(&term, IndexRecordOption::WithFreqs)? else { continue };
                let files = segment.fast_fields().u64("file")?.first_or_default_col(0);
                let lines = segment.fast_fields().u64("lines")?.first_or_default_col(0);
                let lengths = segment.get_fieldnorms_reader(self.fields.body)?;
                while postings.doc() != TERMINATED {
                    let doc = postings.doc();
                    if !segment.is_deleted(doc) {
                        let (file, frequency) = (files.get_val(doc), postings.term_freq());
                        *in_files.entry(file).or_default() += frequency;
                        in_chunks.push(((file, lines.get_val(doc)), frequency, lengths.fieldnorm(doc)));
                    }
                    postings.advance();
                }
            }
            let rarity = weight * idf(in_files.len(), corpus.lengths.len());
            for (file, frequency) in &in_files {
                let length = corpus.lengths.get(file).copied().unwrap_or_default();
                scores.entry(*file).or_default().score += rarity * saturation(*frequency, length, corpus.mean_file);
            }
            let rarity = weight * idf(in_chunks.len(), corpus.chunks);
            for (chunk, frequency, length) in in_chunks {
                *chunk_scores.entry(chunk).or_default() += rarity * saturation(frequency, length, corpus.mean_chunk);
            }
        }
        for ((file, lines), score) in chunk_scores {
            scores.entry(file).or_default().chunks.push((unpack(lines), score));
        }
        for file in scores.values_mut() {
            file.chunks.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        }
        Ok(scores)
    }
}

impl std::fmt::Debug for Words {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Words").finish_non_exhaustive()
    }
}

/// The right to change the index, held by one process and one thread of it.
pub(crate) struct Writing<'a> {
    words: &'a Words,
    writer: MutexGuard<'a, Option<IndexWriter>>,
}

impl Writing<'_> {
    /// Puts `chunks` in the place of everything that was known of the file, which is nothing if it is new. Safe from
    /// several threads.
    pub(crate) fn replace(&self, file: u64, chunks: Vec<Chunk>, is_new: bool) -> tantivy::Result<()> {
        let fields = self.words.fields;
        let mut operations = Vec::with_capacity(chunks.len() + 1);
        if !is_new {
            operations.push(UserOperation::Delete(Term::from_field_u64(fields.file, file)));
        }
        operations.extend(chunks.into_iter().map(|chunk| {
            let mut document = TantivyDocument::default();
            document.add_text(fields.body, chunk.text);
            document.add_u64(fields.file, file);
            document.add_u64(fields.lines, pack(chunk.lines));
            UserOperation::Add(document)
        }));
        if let Some(writer) = &*self.writer {
            let _in_order = self.words.order.lock().unwrap_or_else(PoisonError::into_inner);
            writer.run(operations)?;
        }
        Ok(())
    }

    /// Forgets everything.
    pub(crate) fn clear(&self) -> tantivy::Result<()> {
        if let Some(writer) = &*self.writer {
            writer.delete_all_documents()?;
        }
        Ok(())
    }

    /// Gives up the changes since the last commit, and the right to write until it is asked for again.
    pub(crate) fn abandon(mut self) {
        *self.writer = None;
    }

    /// Makes the changes visible, to every process, as this generation.
    pub(crate) fn commit(mut self, generation: u64) -> tantivy::Result<()> {
        if let Some(writer) = &mut *self.writer {
            let committed = writer.prepare_commit().and_then(|mut commit| {
                commit.set_payload(&generation.to_string());
                commit.commit()
            });
            if let Err(error) = committed {
                // With the writer goes what it has not written: another one must not commit that by the way.
                *self.writer = None;
                return Err(error);
            }
            // What is committed is committed: without this, `like` only looks at what was there before.
            match self.words.reader.reload() {
                Ok(()) => {
                    self.words.damaged.store(false, Ordering::Relaxed);
                    self.words.note_loaded();
                }
                Err(error) => tracing::debug!("what was just committed cannot be read yet: {error}"),
            }
        }
        Ok(())
    }
}

/// How long files and chunks are, in words.
struct Corpus {
    lengths: HashMap<u64, u32, FxBuildHasher>,
    chunks: usize,
    mean_file: f32,
    mean_chunk: f32,
}

impl Corpus {
    fn read(searcher: &tantivy::Searcher, fields: Fields) -> tantivy::Result<Corpus> {
        let mut lengths: HashMap<u64, u32, FxBuildHasher> = HashMap::default();
        let (mut chunks, mut all) = (0, 0u64);
        for segment in searcher.segment_readers() {
            let files = segment.fast_fields().u64("file")?.first_or_default_col(0);
            let norms = segment.get_fieldnorms_reader(fields.body)?;
            for doc in segment.doc_ids_alive() {
                let length = norms.fieldnorm(doc);
                *lengths.entry(files.get_val(doc)).or_default() += length;
                all += u64::from(length);
                chunks += 1;
            }
        }
        let mean = |count: usize| all as f32 / count.max(1) as f32;
        Ok(Corpus { mean_file: mean(lengths.len()), mean_chunk: mean(chunks), chunks, lengths })
    }
}

/// Empties the directory. The lock files stay: one of them is held.
fn remove_all_but_locks(directory: &Path) -> std::io::Result<()> {
    for entry in std::fs::read_dir(directory)? {
        let path = entry?.path();
        if path.extension().is_none_or(|ending| ending != "lock") {
            std::fs::remove_file(path)?;
        }
    }
    Ok(())
}

fn idf(with: usize, all: usize) -> f32 {
    (1.0 + (all as f32 - with as f32 + 0.5) / (with as f32 + 0.5)).ln()
}

fn saturation(frequency: u32, length: u32, mean: f32) -> f32 {
    let frequency = frequency as f32;
    frequency * (K1 + 1.0) / (frequency + K1 * (1.0 - B + B * length as f32 / mean.max(1.0)))
}

fn pack((first, last): (usize, usize)) -> u64 {
    ((first as u64) << 32) | (last as u64 & 0xffff_ffff)
}

fn unpack(lines: u64) -> (usize, usize) {
    ((lines >> 32) as usize, (lines & 0xffff_ffff) as usize)
}

fn schema() -> (Schema, Fields) {
    let mut builder = Schema::builder();
    let words = TextFieldIndexing::default().set_tokenizer(TOKENIZER).set_index_option(IndexRecordOption::WithFreqs);
    let fields = Fields {
        body: builder.add_text_field("body", TextOptions::default().set_indexing_options(words)),
        file: builder.add_u64_field("file", INDEXED | FAST),
        lines: builder.add_u64_field("lines", FAST),
    };
    (builder.build(), fields)
}

fn tokenizers() -> TokenizerManager {
    let manager = TokenizerManager::default();
    manager.register(TOKENIZER, TextAnalyzer::from(Splitter::default()));
    manager
}
