//! What can be wrong with a model file, in words for the person who has to mend it.

/// Why a model file cannot be used. The path is left to the caller, who knows what it was for.
#[derive(Debug, thiserror::Error)]
pub enum GgufError {
    /// The system would not open or map it.
    #[error("it cannot be opened: {0}")]
    Open(#[source] std::io::Error),
    /// A directory, a pipe or the like.
    #[error("it is not a regular file")]
    NotAFile,
    /// Some other kind of file.
    #[error("it is not a GGUF file: it begins with \"{}\", not \"GGUF\"", found.escape_ascii())]
    NotGguf {
        /// Its first bytes.
        found: Vec<u8>,
    },
    /// Made for another kind of machine.
    #[error("it is a big-endian GGUF file; use the little-endian one")]
    BigEndian,
    /// Too old or too new.
    #[error(
        "it has version {found} of the GGUF format, and versions 2 and 3 can be read; use a newer file of the model"
    )]
    Version {
        /// The version it claims.
        found: u32,
    },
    /// A number of entries that cannot be.
    #[error(
        "it is cut short or damaged: it claims {claimed} {what}, and has {bytes} bytes left for them; pull it again with `halfline models pull`"
    )]
    Count {
        /// Of what.
        what: &'static str,
        /// How many.
        claimed: u64,
        /// Bytes from there to the end of the file.
        bytes: usize,
    },
    /// The file ends too early.
    #[error(
        "it is cut short: with {what} it needs {needs} bytes, the file has {has}; pull it again with `halfline models pull`"
    )]
    Truncated {
        /// What the file ends in.
        what: String,
        /// Bytes the file must have at least.
        needs: usize,
        /// Bytes it has.
        has: usize,
    },
    /// The description of the model is damaged.
    #[error("its metadata is cut short or damaged: {what}: {fault}; pull it again with `halfline models pull`")]
    Metadata {
        /// Where.
        what: String,
        /// What is wrong there.
        fault: String,
    },
    /// The description of a tensor is damaged.
    #[error("tensor `{name}` {fault}; the file is damaged, pull it again with `halfline models pull`")]
    Tensor {
        /// Its name.
        name: String,
        /// What is wrong with it.
        fault: String,
    },
    /// A tensor is stored in a way that was invented later.
    #[error("tensor `{name}` is stored as type {id}, which is unknown; use a file quantised as Q4_K_M, Q5_0 or Q8_0")]
    TensorType {
        /// Its name.
        name: String,
        /// The type the file claims.
        id: u32,
    },
    /// Something a model needs is not there.
    #[error("metadata `{key}` is missing; the file does not hold a complete model")]
    MissingKey {
        /// The key.
        key: String,
    },
    /// A value is of another type than the model needs.
    #[error("metadata `{key}` is {found}, expected {expected}")]
    Type {
        /// The key.
        key: String,
        /// What is there.
        found: String,
        /// What should be.
        expected: &'static str,
    },
    /// A number is too large or negative.
    #[error("metadata `{key}` is {value}, which is out of range")]
    OutOfRange {
        /// The key.
        key: String,
        /// The number.
        value: i128,
    },
    /// A string is not text.
    #[error("{what} is not UTF-8")]
    NotUtf8 {
        /// Where.
        what: String,
    },
    /// A tensor that a model needs is not there.
    #[error("tensor `{name}` is missing; the file does not hold a complete model")]
    MissingTensor {
        /// Its name.
        name: String,
    },
}

/// Makes a missing key or tensor `None` and leaves every other error.
pub fn optional<T>(result: Result<T, GgufError>) -> Result<Option<T>, GgufError> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(GgufError::MissingKey { .. } | GgufError::MissingTensor { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}
