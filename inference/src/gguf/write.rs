//! Writes small GGUF files: tiny models for tests, damaged ones to refuse.
//!
//! The whole file is put together in memory.

use super::DEFAULT_ALIGNMENT;
use super::ggml_type::GgmlType;
use super::value::ValueType;

/// A metadata value to write.
#[derive(Clone, Debug, PartialEq)]
pub enum MetadataValue {
    /// Unsigned, 32 bits.
    U32(u32),
    /// Floating point, 32 bits.
    F32(f32),
    /// Truth value.
    Bool(bool),
    /// Text.
    String(String),
    /// Text, many times.
    Strings(Vec<String>),
    /// Signed, 32 bits, many times.
    I32s(Vec<i32>),
    /// Floating point, 32 bits, many times.
    F32s(Vec<f32>),
}

/// Collects metadata and tensors, then makes the file.
#[derive(Clone, Debug)]
pub struct Writer {
    alignment: usize,
    metadata: Vec<(String, MetadataValue)>,
    tensors: Vec<(String, Vec<usize>, GgmlType, Vec<u8>)>,
}

impl Default for Writer {
    fn default() -> Self {
        Writer { alignment: DEFAULT_ALIGNMENT, metadata: Vec::new(), tensors: Vec::new() }
    }
}

impl Writer {
    /// A writer of an empty file with the usual alignment.
    pub fn new() -> Writer {
        Writer::default()
    }

    /// Lets tensors begin at multiples of `alignment` bytes, a power of two, and says so in the file.
    pub fn alignment(&mut self, alignment: u32) -> &mut Writer {
        self.alignment = alignment as usize;
        self.metadata("general.alignment", MetadataValue::U32(alignment))
    }

    /// Appends a metadata entry.
    pub fn metadata(&mut self, key: &str, value: MetadataValue) -> &mut Writer {
        self.metadata.push((key.into(), value));
        self
    }

    /// Appends a tensor, `shape` outermost dimension first, `bytes` in blocks of `kind`. Panics if the bytes are not
    /// as many as the shape needs.
    pub fn tensor(&mut self, name: &str, shape: &[usize], kind: GgmlType, bytes: Vec<u8>) -> &mut Writer {
        let needed = shape.iter().product::<usize>() / kind.block_size() * kind.block_bytes();
        assert_eq!(bytes.len(), needed, "bytes of tensor {name}, {kind} {shape:?}");
        self.tensors.push((name.into(), shape.into(), kind, bytes));
        self
    }

    /// The file.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        out.extend_from_slice(b"GGUF");
        out.extend_from_slice(&3_u32.to_le_bytes());
        put_len(&mut out, self.tensors.len());
        put_len(&mut out, self.metadata.len());
        for (key, value) in &self.metadata {
            put_string(&mut out, key);
            put_value(&mut out, value);
        }
        let mut offset = 0_usize;
        for (name, shape, kind, bytes) in &self.tensors {
            put_string(&mut out, name);
            out.extend_from_slice(&(shape.len() as u32).to_le_bytes());
            for &size in shape.iter().rev() {
                put_len(&mut out, size);
            }
            out.extend_from_slice(&kind.id().to_le_bytes());
            put_len(&mut out, offset);
            offset = (offset + bytes.len()).next_multiple_of(self.alignment);
        }
        for (_, _, _, bytes) in &self.tensors {
            self.pad(&mut out);
            out.extend_from_slice(bytes);
        }
        self.pad(&mut out);
        out
    }

    fn pad(&self, out: &mut Vec<u8>) {
        out.resize(out.len().next_multiple_of(self.alignment), 0);
    }
}

fn put_value(out: &mut Vec<u8>, value: &MetadataValue) {
    let mut kind = |kind: ValueType| out.extend_from_slice(&kind.id().to_le_bytes());
    match value {
        MetadataValue::U32(value) => {
            kind(ValueType::U32);
            out.extend_from_slice(&value.to_le_bytes());
        }
        MetadataValue::F32(value) => {
            kind(ValueType::F32);
            out.extend_from_slice(&value.to_le_bytes());
        }
        MetadataValue::Bool(value) => {
            kind(ValueType::Bool);
            out.push(u8::from(*value));
        }
        MetadataValue::String(value) => {
            kind(ValueType::String);
            put_string(out, value);
        }
        MetadataValue::Strings(values) => {
            put_array(out, ValueType::String, values, |out, value| put_string(out, value));
        }
        MetadataValue::I32s(values) => {
            put_array(out, ValueType::I32, values, |out, value| out.extend_from_slice(&value.to_le_bytes()));
        }
        MetadataValue::F32s(values) => {
            put_array(out, ValueType::F32, values, |out, value| out.extend_from_slice(&value.to_le_bytes()));
        }
    }
}

fn put_array<T>(out: &mut Vec<u8>, element: ValueType, values: &[T], put: impl Fn(&mut Vec<u8>, &T)) {
    out.extend_from_slice(&ValueType::Array.id().to_le_bytes());
    out.extend_from_slice(&element.id().to_le_bytes());
    put_len(out, values.len());
    for value in values {
        put(out, value);
    }
}

fn put_string(out: &mut Vec<u8>, text: &str) {
    put_len(out, text.len());
    out.extend_from_slice(text.as_bytes());
}

fn put_len(out: &mut Vec<u8>, len: usize) {
    out.extend_from_slice(&(len as u64).to_le_bytes());
}
