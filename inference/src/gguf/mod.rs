//! GGUF model files: a reader that distrusts them, and a writer for small ones.
//!
//! The file is mapped into memory and never copied. Everything a file claims (counts, lengths, offsets, types) is
//! checked against its size when it is opened; afterwards metadata and tensors are slices of the map. What metadata
//! means for a model belongs to `transformer` and `tokenizer`.

mod error;
mod ggml_type;
mod mapping;
mod read;
mod value;
mod write;

use std::collections::HashMap;
use std::fs::File;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

pub use error::{GgufError, optional};
pub use ggml_type::GgmlType;
pub use mapping::Mapping;
pub use value::{Array, Value, ValueType};
pub use write::{MetadataValue, Writer};

/// Where tensors begin, unless `general.alignment` says otherwise; in bytes.
const DEFAULT_ALIGNMENT: usize = 32;
const MAX_DIMENSIONS: u32 = 4;

/// An open model file.
#[derive(Debug)]
pub struct Gguf {
    mapping: Arc<Mapping>,
    directory: read::Directory,
    entry_by_key: HashMap<String, usize>,
    tensor_by_name: HashMap<String, usize>,
}

/// One tensor of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TensorInfo {
    /// Such as `blk.0.attn_q.weight`.
    pub name: String,
    /// Outermost dimension first, as in candle: a linear layer is (out, in), an embedding (vocabulary, hidden).
    pub shape: Vec<usize>,
    /// How the elements are stored.
    pub kind: GgmlType,
    /// Where the bytes lie, counted from the start of the file.
    pub range: Range<usize>,
}

impl TensorInfo {
    /// Number of elements.
    pub fn elements(&self) -> usize {
        self.shape.iter().product()
    }
}

impl Gguf {
    /// Maps the file and checks it. Reads only what describes the tensors, not their numbers.
    pub fn open(path: &Path) -> Result<Gguf, GgufError> {
        let file = File::open(path).map_err(GgufError::Open)?;
        let status = file.metadata().map_err(GgufError::Open)?;
        if !status.is_file() {
            return Err(GgufError::NotAFile);
        }
        if status.len() == 0 {
            // An empty file cannot be mapped on every system.
            return Gguf::from_bytes(Vec::new());
        }
        Gguf::over(Mapping::of_file(&file).map_err(GgufError::Open)?)
    }

    /// The same checks over bytes in memory.
    pub fn from_bytes(bytes: Vec<u8>) -> Result<Gguf, GgufError> {
        Gguf::over(Mapping::of_memory(bytes))
    }

    fn over(mapping: Mapping) -> Result<Gguf, GgufError> {
        let directory = read::read_directory(mapping.bytes())?;
        let keys = directory.entries.iter().enumerate();
        let entry_by_key = keys.map(|(index, entry)| (entry.key.clone(), index)).collect();
        let names = directory.tensors.iter().enumerate();
        let tensor_by_name = names.map(|(index, tensor)| (tensor.name.clone(), index)).collect();
        Ok(Gguf { mapping: Arc::new(mapping), directory, entry_by_key, tensor_by_name })
    }

    /// The bytes of the file, for those who outlive this reader.
    pub fn mapping(&self) -> &Arc<Mapping> {
        &self.mapping
    }

    /// Version of the format: 2 or 3.
    pub fn version(&self) -> u32 {
        self.directory.version
    }

    /// Where tensors begin: at multiples of this many bytes from the start of the data.
    pub fn alignment(&self) -> usize {
        self.directory.alignment
    }

    /// Every tensor, in the order of the file.
    pub fn tensors(&self) -> &[TensorInfo] {
        &self.directory.tensors
    }

    /// The tensor of this name.
    pub fn tensor(&self, name: &str) -> Result<&TensorInfo, GgufError> {
        match self.tensor_by_name.get(name) {
            Some(&index) => Ok(&self.directory.tensors[index]),
            None => Err(GgufError::MissingTensor { name: name.into() }),
        }
    }

    /// The bytes of the tensor of this name, in blocks of its type, rows one after another.
    pub fn tensor_bytes(&self, name: &str) -> Result<&[u8], GgufError> {
        Ok(&self.mapping.bytes()[self.tensor(name)?.range.clone()])
    }

    /// Gives back the memory of a part of the file whose content was copied elsewhere; see [`Mapping::release`].
    pub fn release(&self, range: Range<usize>) {
        self.mapping.release(range);
    }

    /// Every metadata entry, in the order of the file.
    pub fn metadata(&self) -> impl Iterator<Item = (&str, Value<'_>)> {
        self.directory.entries.iter().filter_map(|entry| Some((entry.key.as_str(), self.decode(entry)?)))
    }

    /// The metadata value under `key`.
    pub fn value(&self, key: &str) -> Result<Value<'_>, GgufError> {
        let entry = self.entry_by_key.get(key).map(|&index| &self.directory.entries[index]);
        entry.and_then(|entry| self.decode(entry)).ok_or_else(|| GgufError::MissingKey { key: key.into() })
    }

    fn decode(&self, entry: &read::Entry) -> Option<Value<'_>> {
        read::Reader::new(&self.mapping.bytes()[entry.range.clone()]).value(entry.kind).ok()
    }

    /// A number that is not negative and fits, whatever integer type the file gave it.
    pub fn u32(&self, key: &str) -> Result<u32, GgufError> {
        self.integer(key)
    }

    /// A number that counts or measures something, whatever integer type the file gave it.
    pub fn usize(&self, key: &str) -> Result<usize, GgufError> {
        self.integer(key)
    }

    fn integer<T: TryFrom<i128>>(&self, key: &str) -> Result<T, GgufError> {
        let value = self.value(key)?;
        let integer = value.as_integer().ok_or_else(|| unexpected(key, &value, "an integer"))?;
        T::try_from(integer).map_err(|_| GgufError::OutOfRange { key: key.into(), value: integer })
    }

    /// A floating point number.
    pub fn f32(&self, key: &str) -> Result<f32, GgufError> {
        let value = self.value(key)?;
        value.as_float().ok_or_else(|| unexpected(key, &value, "a floating point number"))
    }

    /// A truth value.
    pub fn bool(&self, key: &str) -> Result<bool, GgufError> {
        match self.value(key)? {
            Value::Bool(value) => Ok(value),
            other => Err(unexpected(key, &other, "a bool")),
        }
    }

    /// A string.
    pub fn str(&self, key: &str) -> Result<&str, GgufError> {
        let value = self.value(key)?;
        match value {
            Value::String(bytes) => {
                std::str::from_utf8(bytes).map_err(|_| GgufError::NotUtf8 { what: format!("metadata `{key}`") })
            }
            _ => Err(unexpected(key, &value, "a string")),
        }
    }

    /// An array of values of any type.
    pub fn array(&self, key: &str) -> Result<Array<'_>, GgufError> {
        match self.value(key)? {
            Value::Array(array) => Ok(array),
            other => Err(unexpected(key, &other, "an array")),
        }
    }

    /// An array of strings.
    pub fn strings(&self, key: &str) -> Result<Vec<&str>, GgufError> {
        self.elements(key, "an array of strings", ValueType::String, |value| value.as_str())
    }

    /// An array of 32 bit integers.
    pub fn i32s(&self, key: &str) -> Result<Vec<i32>, GgufError> {
        self.elements(key, "an array of i32", ValueType::I32, |value| match value {
            Value::I32(value) => Some(value),
            _ => None,
        })
    }

    /// An array of 32 bit floating point numbers.
    pub fn f32s(&self, key: &str) -> Result<Vec<f32>, GgufError> {
        self.elements(key, "an array of f32", ValueType::F32, |value| match value {
            Value::F32(value) => Some(value),
            _ => None,
        })
    }

    fn elements<'a, T>(
        &'a self,
        key: &str,
        expected: &'static str,
        element: ValueType,
        convert: impl Fn(Value<'a>) -> Option<T>,
    ) -> Result<Vec<T>, GgufError> {
        let array = self.array(key)?;
        if array.element() != element {
            let found = format!("an array of {}", array.element());
            return Err(GgufError::Type { key: key.into(), found, expected });
        }
        let converted = array.iter().enumerate().map(|(index, value)| {
            convert(value).ok_or_else(|| GgufError::NotUtf8 { what: format!("element {index} of metadata `{key}`") })
        });
        converted.collect()
    }
}

fn unexpected(key: &str, value: &Value<'_>, expected: &'static str) -> GgufError {
    GgufError::Type { key: key.into(), found: format!("of type {}", value.kind()), expected }
}

#[cfg(test)]
mod tests;
