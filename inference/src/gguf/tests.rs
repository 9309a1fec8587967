//! The reader against files that are right, damaged in one place, and damaged anywhere.

use expect_test::{Expect, expect};
use proptest::prelude::*;

use super::*;

/// Three tensors, of which one ends off the alignment, and one value of most types.
fn well_formed() -> Writer {
    let mut writer = Writer::new();
    writer
        .metadata("general.architecture", MetadataValue::String("qwen2".into()))
        .metadata("qwen2.block_count", MetadataValue::U32(24))
        .metadata("qwen2.rope.freq_base", MetadataValue::F32(1e6))
        .metadata("tokenizer.ggml.add_bos_token", MetadataValue::Bool(false))
        .metadata("tokenizer.ggml.tokens", MetadataValue::Strings(vec!["a".into(), "Ġб".into()]))
        .metadata("tokenizer.ggml.token_type", MetadataValue::I32s(vec![1, -3]))
        .metadata("tokenizer.ggml.scores", MetadataValue::F32s(vec![0.5, -1.0]));
    writer
        .tensor("bias", &[3], GgmlType::F32, (0..12).collect())
        .tensor("weight", &[2, 32], GgmlType::Q8_0, vec![7; 68])
        .tensor("scalar", &[], GgmlType::F16, vec![1, 2]);
    writer
}

/// Where `needle` ends in `bytes`, which is where the field after it begins.
fn after(bytes: &[u8], needle: &str) -> usize {
    let found = bytes.windows(needle.len()).position(|window| window == needle.as_bytes());
    found.expect("the file holds this name") + needle.len()
}

fn put(bytes: &mut [u8], at: usize, field: &[u8]) {
    bytes[at..at + field.len()].copy_from_slice(field);
}

fn check_refused(damage: impl FnOnce(&mut Vec<u8>), message: Expect) {
    let mut bytes = well_formed().to_bytes();
    damage(&mut bytes);
    let error = Gguf::from_bytes(bytes).expect_err("a damaged file must be refused");
    message.assert_eq(&error.to_string());
}

#[test]
fn reads_what_was_written() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let path = directory.path().join("model.gguf");
    std::fs::write(&path, well_formed().to_bytes()).expect("writing");
    let gguf = Gguf::open(&path).expect("a well-formed file");

    assert_eq!((gguf.version(), gguf.alignment()), (3, 32));
    assert_eq!(gguf.str("general.architecture").ok(), Some("qwen2"));
    assert_eq!(gguf.u32("qwen2.block_count").ok(), Some(24));
    assert_eq!(gguf.usize("qwen2.block_count").ok(), Some(24));
    assert_eq!(gguf.f32("qwen2.rope.freq_base").ok(), Some(1e6));
    assert_eq!(gguf.bool("tokenizer.ggml.add_bos_token").ok(), Some(false));
    assert_eq!(gguf.strings("tokenizer.ggml.tokens").ok(), Some(vec!["a", "Ġб"]));
    assert_eq!(gguf.i32s("tokenizer.ggml.token_type").ok(), Some(vec![1, -3]));
    assert_eq!(gguf.f32s("tokenizer.ggml.scores").ok(), Some(vec![0.5, -1.0]));
    assert_eq!(gguf.metadata().count(), 7);

    let names: Vec<_> = gguf.tensors().iter().map(|tensor| tensor.name.as_str()).collect();
    assert_eq!(names, ["bias", "weight", "scalar"]);
    assert_eq!(gguf.tensor("weight").map(|tensor| tensor.shape.clone()).ok(), Some(vec![2, 32]));
    assert_eq!(gguf.tensor("scalar").map(TensorInfo::elements).ok(), Some(1));
    let read_twice = |name: &str| {
        let before = gguf.tensor_bytes(name).expect("the tensor is there").to_vec();
        gguf.release(gguf.tensor(name).expect("the tensor is there").range.clone());
        assert_eq!(before, gguf.tensor_bytes(name).expect("the tensor is there"));
        before
    };
    assert_eq!(read_twice("bias"), (0..12).collect::<Vec<u8>>());
    assert_eq!(read_twice("weight"), [7; 68]);
    assert_eq!(read_twice("scalar"), [1, 2]);
}

#[test]
fn an_alignment_of_its_own_is_honoured() {
    let mut writer = well_formed();
    writer.alignment(4);
    let gguf = Gguf::from_bytes(writer.to_bytes()).expect("a well-formed file");
    assert_eq!(gguf.alignment(), 4);
    assert_eq!(gguf.tensor_bytes("scalar").ok(), Some(&[1_u8, 2][..]));
}

#[test]
fn a_file_without_tensors_may_end_off_the_alignment() {
    let mut writer = Writer::new();
    writer.metadata("key", MetadataValue::Bool(true)).tensor("empty", &[0, 32], GgmlType::Q4_0, Vec::new());
    let mut bytes = writer.to_bytes();
    let end = after(&bytes, "empty") + 4 + 16 + 4 + 8;
    bytes.truncate(end);
    let gguf = Gguf::from_bytes(bytes).expect("nothing is missing");
    assert_eq!(gguf.tensor_bytes("empty").ok(), Some(&[][..]));
}

#[test]
fn getters_say_what_is_there_and_what_was_expected() {
    let gguf = Gguf::from_bytes(well_formed().to_bytes()).expect("a well-formed file");
    let mut said = String::new();
    for error in [
        gguf.u32("qwen2.context_length").err(),
        gguf.u32("general.architecture").err(),
        gguf.f32("qwen2.block_count").err(),
        gguf.strings("general.architecture").err(),
        gguf.strings("tokenizer.ggml.token_type").err(),
        gguf.tensor_bytes("output.weight").err(),
    ] {
        said += &format!("{}\n", error.expect("every one of these fails"));
    }
    expect![[r"
        metadata `qwen2.context_length` is missing; the file does not hold a complete model
        metadata `general.architecture` is of type string, expected an integer
        metadata `qwen2.block_count` is of type u32, expected a floating point number
        metadata `general.architecture` is of type string, expected an array
        metadata `tokenizer.ggml.token_type` is an array of i32, expected an array of strings
        tensor `output.weight` is missing; the file does not hold a complete model
    "]]
    .assert_eq(&said);
    assert!(optional(gguf.u32("qwen2.context_length")).is_ok_and(|value| value.is_none()));
    assert!(optional(gguf.u32("general.architecture")).is_err());
}

#[test]
fn damaged_headers_are_refused() {
    check_refused(|bytes| bytes.clear(), expect![[r#"it is not a GGUF file: it begins with "", not "GGUF""#]]);
    check_refused(
        |bytes| put(bytes, 0, b"PK\x03\x04"),
        expect![[r#"it is not a GGUF file: it begins with "PK\x03\x04", not "GGUF""#]],
    );
    check_refused(
        |bytes| put(bytes, 4, &1_u32.to_le_bytes()),
        expect!["it has version 1 of the GGUF format, and versions 2 and 3 can be read; use a newer file of the model"],
    );
    check_refused(
        |bytes| put(bytes, 4, &3_u32.to_be_bytes()),
        expect!["it is a big-endian GGUF file; use the little-endian one"],
    );
    check_refused(
        |bytes| put(bytes, 8, &u64::MAX.to_le_bytes()),
        expect![
            "it is cut short or damaged: it claims 18446744073709551615 tensors, and has 624 bytes left for them; pull it again with `halfline models pull`"
        ],
    );
    check_refused(
        |bytes| put(bytes, 16, &(1_u64 << 40).to_le_bytes()),
        expect![
            "it is cut short or damaged: it claims 1099511627776 metadata entries, and has 616 bytes left for them; pull it again with `halfline models pull`"
        ],
    );
}

#[test]
fn damaged_metadata_is_refused() {
    let type_of_block_count = |bytes: &[u8]| after(bytes, "qwen2.block_count");
    check_refused(
        |bytes| put(bytes, 24, &(1_u64 << 60).to_le_bytes()),
        expect![
            "its metadata is cut short or damaged: the key of metadata entry 0 of 7: it has 1152921504606846976 bytes, and at most 65535 are possible; pull it again with `halfline models pull`"
        ],
    );
    check_refused(
        |bytes| {
            let at = after(bytes, "qwen2.block_coun");
            bytes[at] = 0xff;
        },
        expect![
            "its metadata is cut short or damaged: the key of metadata entry 1 of 7: it is not UTF-8; pull it again with `halfline models pull`"
        ],
    );
    check_refused(
        |bytes| {
            let at = type_of_block_count(bytes);
            put(bytes, at, &13_u32.to_le_bytes());
        },
        expect![
            "its metadata is cut short or damaged: the value of `qwen2.block_count`: its type is 13, and the last one known is 12; pull it again with `halfline models pull`"
        ],
    );
    check_refused(
        |bytes| {
            let at = after(bytes, "tokenizer.ggml.tokens");
            put(bytes, at + 4, &99_u32.to_le_bytes());
        },
        expect![
            "its metadata is cut short or damaged: the value of `tokenizer.ggml.tokens`: the type of its elements is 99, which is unknown; pull it again with `halfline models pull`"
        ],
    );
    check_refused(
        |bytes| {
            let at = after(bytes, "tokenizer.ggml.tokens");
            put(bytes, at + 8, &(u64::MAX / 2).to_le_bytes());
        },
        expect![
            "its metadata is cut short or damaged: the value of `tokenizer.ggml.tokens`: it claims 9223372036854775807 elements or bytes, and 416 bytes are left; pull it again with `halfline models pull`"
        ],
    );
    check_refused(
        |bytes| {
            let at = after(bytes, "general.architecture");
            put(bytes, at + 4, &(1_u64 << 20).to_le_bytes());
        },
        expect![
            "its metadata is cut short or damaged: the value of `general.architecture`: it claims 1048576 elements or bytes, and 576 bytes are left; pull it again with `halfline models pull`"
        ],
    );
}

#[test]
fn metadata_that_contradicts_itself_is_refused() {
    let check = |key: &str, value: MetadataValue, message: Expect| {
        let mut writer = well_formed();
        writer.metadata(key, value);
        message.assert_eq(&Gguf::from_bytes(writer.to_bytes()).expect_err("it must be refused").to_string());
    };
    check(
        "qwen2.block_count",
        MetadataValue::U32(24),
        expect![
            "its metadata is cut short or damaged: the key `qwen2.block_count`: it appears twice; pull it again with `halfline models pull`"
        ],
    );
    check(
        "",
        MetadataValue::U32(24),
        expect![
            "its metadata is cut short or damaged: the key of metadata entry 7 of 8: it is empty; pull it again with `halfline models pull`"
        ],
    );
    check(
        "general.alignment",
        MetadataValue::U32(24),
        expect![
            "its metadata is cut short or damaged: the value of `general.alignment`: it is 24, which is no power of two; pull it again with `halfline models pull`"
        ],
    );
    check(
        "general.alignment",
        MetadataValue::U32(0),
        expect![
            "its metadata is cut short or damaged: the value of `general.alignment`: it is 0, which is no power of two; pull it again with `halfline models pull`"
        ],
    );
    check(
        "general.alignment",
        MetadataValue::I32s(vec![32]),
        expect![
            "its metadata is cut short or damaged: the value of `general.alignment`: it is of type array, expected u32; pull it again with `halfline models pull`"
        ],
    );
    // The tensors were laid out for 32.
    check(
        "general.alignment",
        MetadataValue::U32(64),
        expect![
            "tensor `weight` begins at byte 32 of the data, and byte 64 was expected; the file is damaged, pull it again with `halfline models pull`"
        ],
    );
}

#[test]
fn arrays_nested_without_end_are_refused() {
    let mut nested = well_formed().to_bytes();
    let at = after(&nested, "tokenizer.ggml.tokens");
    let level: Vec<u8> = [9_u32.to_le_bytes().as_slice(), 1_u64.to_le_bytes().as_slice()].concat();
    nested.splice(at + 4.., level.repeat(100_000));
    let error = Gguf::from_bytes(nested).expect_err("it must be refused");
    expect!["its metadata is cut short or damaged: the value of `tokenizer.ggml.tokens`: arrays are nested more than 4 deep; pull it again with `halfline models pull`"].assert_eq(&error.to_string());
}

#[test]
fn damaged_tensors_are_refused() {
    // After the name of a tensor: dimensions (u32), sizes (u64 each, innermost first), type (u32), offset (u64).
    let weight = |bytes: &[u8]| after(bytes, "weight");
    check_refused(
        |bytes| {
            let at = weight(bytes);
            put(bytes, at, &5_u32.to_le_bytes());
        },
        expect![
            "tensor `weight` has 5 dimensions, and at most 4 are possible; the file is damaged, pull it again with `halfline models pull`"
        ],
    );
    check_refused(
        |bytes| {
            let at = weight(bytes);
            put(bytes, at + 4, &u64::MAX.to_le_bytes());
        },
        expect![
            "tensor `weight` has a dimension of 18446744073709551615 elements, which is impossible; the file is damaged, pull it again with `halfline models pull`"
        ],
    );
    check_refused(
        |bytes| {
            let at = weight(bytes);
            put(bytes, at + 12, &(1_u64 << 60).to_le_bytes());
        },
        expect![
            "tensor `weight` has shape [1152921504606846976, 32], more elements than any file can hold; the file is damaged, pull it again with `halfline models pull`"
        ],
    );
    check_refused(
        |bytes| {
            let at = weight(bytes);
            put(bytes, at + 12, &(1_u64 << 30).to_le_bytes());
        },
        expect![
            "tensor `scalar` begins at byte 128 of the data, and byte 36507222048 was expected; the file is damaged, pull it again with `halfline models pull`"
        ],
    );
    check_refused(
        |bytes| {
            let at = weight(bytes);
            put(bytes, at + 4, &33_u64.to_le_bytes());
        },
        expect![
            "tensor `weight` has rows of 33 elements, and Q8_0 needs a multiple of 32; the file is damaged, pull it again with `halfline models pull`"
        ],
    );
    check_refused(
        |bytes| {
            let at = weight(bytes);
            put(bytes, at + 20, &4_u32.to_le_bytes());
        },
        expect!["tensor `weight` is stored as type 4, which is unknown; use a file quantised as Q4_K_M, Q5_0 or Q8_0"],
    );
    check_refused(
        |bytes| {
            let at = weight(bytes);
            put(bytes, at + 24, &0_u64.to_le_bytes());
        },
        expect![
            "tensor `weight` begins at byte 0 of the data, and byte 32 was expected; the file is damaged, pull it again with `halfline models pull`"
        ],
    );
    check_refused(
        |bytes| {
            let at = weight(bytes);
            put(bytes, at - 6, b"bias\0\0");
            put(bytes, at - 14, &4_u64.to_le_bytes());
            bytes.drain(at - 2..at);
        },
        expect!["tensor `bias` appears twice; the file is damaged, pull it again with `halfline models pull`"],
    );
    check_refused(
        |bytes| {
            bytes.pop();
        },
        expect![
            "it is cut short: with its tensors it needs 640 bytes, the file has 639; pull it again with `halfline models pull`"
        ],
    );
}

#[test]
fn what_is_no_file_is_refused() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let refused = |path: &Path| Gguf::open(path).expect_err("it must be refused").to_string();
    assert_eq!(refused(directory.path()), "it is not a regular file");
    let empty = directory.path().join("empty.gguf");
    std::fs::write(&empty, "").expect("writing");
    assert_eq!(refused(&empty), "it is not a GGUF file: it begins with \"\", not \"GGUF\"");
    assert!(refused(&directory.path().join("absent.gguf")).starts_with("it cannot be opened: "));
}

/// Reads everything that can be read, so that a slice out of bounds would show.
fn read_everything(gguf: &Gguf) -> usize {
    fn walk(value: Value<'_>) -> usize {
        match value {
            Value::Array(array) => array.iter().map(walk).sum(),
            Value::String(bytes) => bytes.len(),
            _ => 1,
        }
    }
    let metadata: usize = gguf.metadata().map(|(key, value)| key.len() + walk(value)).sum();
    let tensors = gguf.tensors().iter().map(|tensor| gguf.tensor_bytes(&tensor.name).map_or(0, <[u8]>::len));
    metadata + tensors.sum::<usize>()
}

#[derive(Clone, Debug)]
enum Damage {
    Byte(usize, u8),
    Field(usize, u64),
    Cut(usize),
}

fn damage() -> impl Strategy<Value = Damage> {
    let telling = prop_oneof![
        Just(0),
        Just(1),
        Just(u64::MAX),
        Just(u64::MAX - 31),
        Just(i64::MAX as u64),
        Just(1 << 32),
        Just(u64::from(u32::MAX)),
        any::<u64>(),
        0..64_u64
    ];
    prop_oneof![
        4 => (any::<usize>(), any::<u8>()).prop_map(|(at, byte)| Damage::Byte(at, byte)),
        4 => (any::<usize>(), telling).prop_map(|(at, field)| Damage::Field(at, field)),
        1 => any::<usize>().prop_map(Damage::Cut),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]

    #[test]
    fn no_damage_makes_it_panic(damages in prop::collection::vec(damage(), 1..5)) {
        let mut bytes = well_formed().to_bytes();
        for damage in damages {
            if bytes.is_empty() {
                break;
            }
            match damage {
                Damage::Byte(at, byte) => {
                    let at = at % bytes.len();
                    bytes[at] = byte;
                }
                Damage::Field(at, field) if bytes.len() > 8 => {
                    let at = at % (bytes.len() - 8);
                    put(&mut bytes, at, &field.to_le_bytes());
                }
                Damage::Field(..) => {}
                Damage::Cut(at) => bytes.truncate(at % bytes.len()),
            }
        }
        let size = bytes.len();
        if let Ok(gguf) = Gguf::from_bytes(bytes) {
            // Fixed-width elements count as one each, so nothing read can be more than the file holds.
            prop_assert!(read_everything(&gguf) <= size);
        }
    }

    #[test]
    fn a_file_cut_anywhere_is_refused(at in any::<usize>()) {
        let mut bytes = well_formed().to_bytes();
        bytes.truncate(at % bytes.len());
        prop_assert!(Gguf::from_bytes(bytes).is_err());
    }
}
