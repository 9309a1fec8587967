//! The inverted index: which chunks hold which words, in tantivy's format, and BM25 over it.
//!
//! One document for each chunk: its words, the hash of its file's path, and its lines. Everything else is known from the
//! workspace's symbols. One process at a time writes; tantivy's lock file says which. The others read what it commits.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustc_hash::FxBuildHasher;
use tantivy::collector::TopDocs;
use tantivy::indexer::UserOperation;
use tantivy::postings::Postings;
use tantivy::query::{BooleanQuery, Query, TermQuery};
use tantivy::schema::{FAST, Field, INDEXED, IndexRecordOption, Schema, TextFieldIndexing, TextOptions};
use tantivy::tokenizer::{TextAnalyzer, TokenizerManager};
use tantivy::{DocAddress, DocSet, Index, IndexReader, IndexWriter, ReloadPolicy, TERMINATED, TantivyDocument, Term};

use super::chunk::Chunk;
use super::tokens::Splitter;

/// Memory for words that are not yet written out, in bytes for each thread.
const WRITER_BYTES: usize = 48 << 20;
/// Words that [`Words::like`] looks up; the more frequent ones tell little and cost most.
const RAREST: usize = 16;
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
        let open = || -> tantivy::Result<Index> {
            let found = tantivy::directory::MmapDirectory::open(directory)?;
            Index::builder().schema(schema.clone()).tokenizers(tokenizers()).open_or_create(found)
        };
        let index = match open() {
            Ok(index) => index,
            Err(error) => {
                tracing::info!(directory = %directory.display(), "the word index cannot be used and is made anew: {error}");
                std::fs::remove_dir_all(directory)?;
                std::fs::create_dir_all(directory)?;
                open()?
            }
        };
        let reader = index.reader_builder().reload_policy(ReloadPolicy::Manual).try_into()?;
        Ok(Words { index, reader, writer: Mutex::new(None), order: Mutex::default(), fields })
    }

    /// The generation of what was committed last; 0 for nothing.
    pub(crate) fn generation(&self) -> u64 {
        let payload = self.index.load_metas().ok().and_then(|metas| metas.payload);
        payload.and_then(|text| text.parse().ok()).unwrap_or_default()
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
    /// Made for every few keystrokes: looks at what was committed when the index was opened or last written here.
    pub(crate) fn like(&self, words: &[String], limit: usize) -> tantivy::Result<Vec<(u64, (usize, usize))>> {
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
        self.reader.reload()?;
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

    /// Makes the changes visible, to every process, as this generation.
    pub(crate) fn commit(mut self, generation: u64) -> tantivy::Result<()> {
        if let Some(writer) = &mut *self.writer {
            let mut commit = writer.prepare_commit()?;
            commit.set_payload(&generation.to_string());
            commit.commit()?;
            // What is committed is committed: without this, `like` only looks at what was there before.
            if let Err(error) = self.words.reader.reload() {
                tracing::debug!("what was just committed cannot be read yet: {error}");
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
