//! Walks through the bytes of a GGUF file and believes none of them.
//!
//! No count from the file reserves memory, and no length is added or multiplied without a check.

use std::collections::HashSet;
use std::ops::Range;

use super::ggml_type::GgmlType;
use super::value::{Array, Value, ValueType};
use super::{DEFAULT_ALIGNMENT, GgufError, MAX_DIMENSIONS, TensorInfo};

/// Arrays may hold arrays, which no known writer uses; this is deep enough for any that begins to.
const MAX_NESTING: usize = 4;
/// The specification's limits for the length of names.
const MAX_KEY_BYTES: usize = 65_535;
const MAX_TENSOR_NAME_BYTES: usize = 63;
/// A key, its type and the smallest value; a tensor's name, number of dimensions, type and offset.
const LEAST_ENTRY_BYTES: usize = 8 + 1 + 4 + 1;
const LEAST_TENSOR_BYTES: usize = 8 + 4 + 4 + 8;

/// What a file holds: where each value and each tensor lies, in bytes from its start.
#[derive(Debug)]
pub(super) struct Directory {
    pub(super) version: u32,
    pub(super) alignment: usize,
    pub(super) entries: Vec<Entry>,
    pub(super) tensors: Vec<TensorInfo>,
}

#[derive(Debug)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) kind: ValueType,
    pub(super) range: Range<usize>,
}

/// Checks the whole file except for the numbers inside the tensors.
pub(super) fn read_directory(bytes: &[u8]) -> Result<Directory, GgufError> {
    let mut reader = Reader::new(bytes);
    let version = read_version(&mut reader)?;
    let tensor_count = read_count(&mut reader, "tensors", LEAST_TENSOR_BYTES)?;
    let entry_count = read_count(&mut reader, "metadata entries", LEAST_ENTRY_BYTES)?;
    let entries = read_entries(&mut reader, entry_count)?;
    let alignment = read_alignment(bytes, &entries)?;
    let tensors = read_tensors(&mut reader, tensor_count, alignment)?;
    Ok(Directory { version, alignment, entries, tensors })
}

fn read_version(reader: &mut Reader<'_>) -> Result<u32, GgufError> {
    let magic = reader.take(4).map_err(|_| GgufError::NotGguf { found: reader.rest().to_vec() })?;
    if magic != b"GGUF" {
        return Err(GgufError::NotGguf { found: magic.to_vec() });
    }
    let version = reader.u32().map_err(|fault| fault.at("the version"))?;
    match version {
        2 | 3 => Ok(version),
        _ if matches!(version.swap_bytes(), 1..=3) => Err(GgufError::BigEndian),
        _ => Err(GgufError::Version { found: version }),
    }
}

/// A number of things to come, of which each takes some bytes; so there cannot be more than the file has room for.
fn read_count(reader: &mut Reader<'_>, what: &'static str, least: usize) -> Result<usize, GgufError> {
    let claimed = reader.u64().map_err(|fault| fault.at(&format!("the number of {what}")))?;
    match usize::try_from(claimed) {
        Ok(count) if count <= reader.rest().len() / least => Ok(count),
        _ => Err(GgufError::Count { what, claimed, bytes: reader.rest().len() }),
    }
}

fn read_entries(reader: &mut Reader<'_>, count: usize) -> Result<Vec<Entry>, GgufError> {
    let mut entries = Vec::with_capacity(count);
    let mut seen = HashSet::with_capacity(count);
    for number in 0..count {
        let place = || format!("the key of metadata entry {number} of {count}");
        let key = reader.name(MAX_KEY_BYTES).map_err(|fault| fault.at(&place()))?;
        if key.is_empty() {
            return Err(GgufError::Metadata { what: place(), fault: "it is empty".into() });
        }
        if !seen.insert(key) {
            return Err(GgufError::Metadata { what: format!("the key `{key}`"), fault: "it appears twice".into() });
        }
        let in_value = |fault: Fault| fault.at(&format!("the value of `{key}`"));
        let id = reader.u32().map_err(in_value)?;
        let kind = ValueType::from_id(id).ok_or_else(|| GgufError::Metadata {
            what: format!("the value of `{key}`"),
            fault: format!("its type is {id}, and the last one known is {}", ValueType::F64.id()),
        })?;
        let start = reader.position();
        reader.value(kind).map_err(in_value)?;
        entries.push(Entry { key: key.into(), kind, range: start..reader.position() });
    }
    Ok(entries)
}

fn read_alignment(bytes: &[u8], entries: &[Entry]) -> Result<usize, GgufError> {
    let key = "general.alignment";
    let Some(entry) = entries.iter().find(|entry| entry.key == key) else { return Ok(DEFAULT_ALIGNMENT) };
    let fault = |fault: String| GgufError::Metadata { what: format!("the value of `{key}`"), fault };
    match Reader::new(&bytes[entry.range.clone()]).value(entry.kind) {
        Ok(Value::U32(alignment)) if alignment.is_power_of_two() => Ok(alignment as usize),
        Ok(Value::U32(alignment)) => Err(fault(format!("it is {alignment}, which is no power of two"))),
        _ => Err(fault(format!("it is of type {}, expected u32", entry.kind))),
    }
}

fn read_tensors(reader: &mut Reader<'_>, count: usize, alignment: usize) -> Result<Vec<TensorInfo>, GgufError> {
    let mut tensors: Vec<TensorInfo> = Vec::with_capacity(count);
    let mut seen = HashSet::with_capacity(count);
    // Where the next tensor has to begin, relative to the start of the data: the format leaves no gaps.
    let mut expected_offset = 0_usize;
    for number in 0..count {
        let place = format!("the description of tensor {number} of {count}");
        let in_name = |fault: Fault| fault.at(&format!("the name of tensor {number} of {count}"));
        let name = reader.name(MAX_TENSOR_NAME_BYTES).map_err(in_name)?;
        let fault = |fault: String| GgufError::Tensor { name: name.into(), fault };
        if !seen.insert(name) {
            return Err(fault("appears twice".into()));
        }
        let shape = read_shape(reader).map_err(|error| match error {
            ShapeError::Fault(end) => end.at(&place),
            ShapeError::Dimensions(dimensions) => {
                fault(format!("has {dimensions} dimensions, and at most {MAX_DIMENSIONS} are possible"))
            }
            ShapeError::Size(size) => fault(format!("has a dimension of {size} elements, which is impossible")),
        })?;
        let id = reader.u32().map_err(|fault| fault.at(&place))?;
        let kind = GgmlType::from_id(id).ok_or_else(|| GgufError::TensorType { name: name.into(), id })?;
        let len = tensor_bytes(&shape, kind).map_err(fault)?;
        let offset = reader.u64().map_err(|fault| fault.at(&place))?;
        if usize::try_from(offset) != Ok(expected_offset) {
            return Err(fault(format!("begins at byte {offset} of the data, and byte {expected_offset} was expected")));
        }
        tensors.push(TensorInfo { name: name.into(), shape, kind, range: expected_offset..expected_offset + len });
        expected_offset = (expected_offset + len)
            .checked_next_multiple_of(alignment)
            .filter(|end| isize::try_from(*end).is_ok())
            .ok_or_else(|| fault(format!("ends at byte {expected_offset} + {len}, past any possible file")))?;
    }
    place_tensors(reader, tensors, expected_offset, alignment)
}

enum ShapeError {
    Fault(Fault),
    Dimensions(u32),
    Size(u64),
}

/// The file has the innermost dimension first; candle and the literature have it last.
fn read_shape(reader: &mut Reader<'_>) -> Result<Vec<usize>, ShapeError> {
    let dimensions = reader.u32().map_err(ShapeError::Fault)?;
    if dimensions > MAX_DIMENSIONS {
        return Err(ShapeError::Dimensions(dimensions));
    }
    let mut shape = Vec::with_capacity(MAX_DIMENSIONS as usize);
    for _ in 0..dimensions {
        let size = reader.u64().map_err(ShapeError::Fault)?;
        let fits = usize::try_from(size).ok().filter(|size| isize::try_from(*size).is_ok());
        shape.push(fits.ok_or(ShapeError::Size(size))?);
    }
    shape.reverse();
    Ok(shape)
}

fn tensor_bytes(shape: &[usize], kind: GgmlType) -> Result<usize, String> {
    let row = shape.last().copied().unwrap_or(1);
    if !row.is_multiple_of(kind.block_size()) {
        return Err(format!("has rows of {row} elements, and {kind} needs a multiple of {}", kind.block_size()));
    }
    // Dimension by dimension, so that a product that overflows is noticed even where a later dimension is zero.
    let elements = shape.iter().rev().try_fold(1_usize, |product, &size| product.checked_mul(size));
    elements
        .and_then(|elements| (elements / kind.block_size()).checked_mul(kind.block_bytes()))
        .filter(|bytes| isize::try_from(*bytes).is_ok())
        .ok_or_else(|| format!("has shape {shape:?}, more elements than any file can hold"))
}

/// Turns offsets into the data into offsets into the file, once it is sure that the file holds them all.
fn place_tensors(
    reader: &Reader<'_>,
    mut tensors: Vec<TensorInfo>,
    data_bytes: usize,
    alignment: usize,
) -> Result<Vec<TensorInfo>, GgufError> {
    let has = reader.bytes.len();
    let start = reader.position().next_multiple_of(alignment);
    if data_bytes > 0 && (start > has || data_bytes > has - start) {
        return Err(GgufError::Truncated { what: "its tensors".into(), needs: start.saturating_add(data_bytes), has });
    }
    for tensor in &mut tensors {
        // A file may end right after the descriptions when no tensor has any bytes.
        let at = if tensor.range.is_empty() { 0 } else { start };
        tensor.range = at + tensor.range.start..at + tensor.range.end;
    }
    Ok(tensors)
}

/// Why a value could not be read. Becomes a [`GgufError`] when it is known what was being read.
#[derive(Debug)]
pub(super) enum Fault {
    End { needs: usize, has: usize },
    Nesting,
    ElementType(u32),
    Count { claimed: u64, bytes: usize },
    NameLength { claimed: u64, limit: usize },
    NameUtf8,
}

impl Fault {
    fn at(self, what: &str) -> GgufError {
        let fault = match self {
            Fault::End { needs, has } => return GgufError::Truncated { what: what.into(), needs, has },
            Fault::Nesting => format!("arrays are nested more than {MAX_NESTING} deep"),
            Fault::ElementType(id) => format!("the type of its elements is {id}, which is unknown"),
            Fault::Count { claimed, bytes } => {
                format!("it claims {claimed} elements or bytes, and {bytes} bytes are left")
            }
            Fault::NameLength { claimed, limit } => format!("it has {claimed} bytes, and at most {limit} are possible"),
            Fault::NameUtf8 => "it is not UTF-8".into(),
        };
        GgufError::Metadata { what: what.into(), fault }
    }
}

/// A position in bytes that may end anywhere.
pub(super) struct Reader<'a> {
    bytes: &'a [u8],
    position: usize,
}

macro_rules! read_number {
    ($($name:ident),*) => {$(
        fn $name(&mut self) -> Result<$name, Fault> {
            self.array().map($name::from_le_bytes)
        }
    )*};
}

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Reader<'a> {
        Reader { bytes, position: 0 }
    }

    fn position(&self) -> usize {
        self.position
    }

    fn rest(&self) -> &'a [u8] {
        &self.bytes[self.position..]
    }

    fn take(&mut self, len: usize) -> Result<&'a [u8], Fault> {
        let taken = self
            .rest()
            .get(..len)
            .ok_or(Fault::End { needs: self.position.saturating_add(len), has: self.bytes.len() })?;
        self.position += len;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Fault> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N)?);
        Ok(array)
    }

    read_number!(u8, i8, u16, i16, u32, i32, f32, u64, i64, f64);

    fn name(&mut self, limit: usize) -> Result<&'a str, Fault> {
        let claimed = self.u64()?;
        let len = usize::try_from(claimed).ok().filter(|len| *len <= limit);
        let bytes = self.take(len.ok_or(Fault::NameLength { claimed, limit })?)?;
        std::str::from_utf8(bytes).map_err(|_| Fault::NameUtf8)
    }

    /// The value of type `kind` that begins here.
    pub(super) fn value(&mut self, kind: ValueType) -> Result<Value<'a>, Fault> {
        self.nested_value(kind, 0)
    }

    fn nested_value(&mut self, kind: ValueType, depth: usize) -> Result<Value<'a>, Fault> {
        Ok(match kind {
            ValueType::U8 => Value::U8(self.u8()?),
            ValueType::I8 => Value::I8(self.i8()?),
            ValueType::U16 => Value::U16(self.u16()?),
            ValueType::I16 => Value::I16(self.i16()?),
            ValueType::U32 => Value::U32(self.u32()?),
            ValueType::I32 => Value::I32(self.i32()?),
            ValueType::F32 => Value::F32(self.f32()?),
            ValueType::Bool => Value::Bool(self.u8()? != 0),
            ValueType::String => {
                let claimed = self.u64()?;
                let len = self.bounded(claimed, 1)?;
                Value::String(self.take(len)?)
            }
            ValueType::Array => Value::Array(self.array_value(depth)?),
            ValueType::U64 => Value::U64(self.u64()?),
            ValueType::I64 => Value::I64(self.i64()?),
            ValueType::F64 => Value::F64(self.f64()?),
        })
    }

    fn array_value(&mut self, depth: usize) -> Result<Array<'a>, Fault> {
        if depth == MAX_NESTING {
            return Err(Fault::Nesting);
        }
        let id = self.u32()?;
        let element = ValueType::from_id(id).ok_or(Fault::ElementType(id))?;
        let claimed = self.u64()?;
        let len = self.bounded(claimed, element.least_bytes())?;
        let start = self.position;
        match element {
            ValueType::String | ValueType::Array => {
                for _ in 0..len {
                    self.nested_value(element, depth + 1)?;
                }
            }
            _ => {
                self.take(len * element.least_bytes())?;
            }
        }
        Ok(Array { element, len, bytes: &self.bytes[start..self.position] })
    }

    /// `claimed` things of at least `least` bytes each, if the file has room for them.
    fn bounded(&self, claimed: u64, least: usize) -> Result<usize, Fault> {
        let bytes = self.rest().len();
        usize::try_from(claimed).ok().filter(|len| *len <= bytes / least).ok_or(Fault::Count { claimed, bytes })
    }
}
