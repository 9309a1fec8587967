//! How the numbers of a tensor are stored: every type a GGUF file may name, with the size of its blocks.
//!
//! Sizes only, so that a file can be checked. Which of these the kernels can run is theirs to say.

use candle_core::quantized::GgmlDType;

macro_rules! ggml_types {
    ($($variant:ident = $id:literal, $name:literal, $block_size:literal elements in $block_bytes:literal bytes;)*) => {
        /// Storage of one tensor.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum GgmlType {
            $(#[doc = concat!("`", $name, "`")] $variant,)*
        }

        impl GgmlType {
            /// Every type, in the order of the ids.
            pub const ALL: &'static [GgmlType] = &[$(GgmlType::$variant),*];

            /// The type that a file means by `id`.
            pub fn from_id(id: u32) -> Option<GgmlType> {
                match id {
                    $($id => Some(GgmlType::$variant),)*
                    _ => None,
                }
            }

            /// The number that stands for this type in a file.
            pub fn id(self) -> u32 {
                match self { $(GgmlType::$variant => $id,)* }
            }

            /// The name people know, such as `Q4_K`.
            pub fn name(self) -> &'static str {
                match self { $(GgmlType::$variant => $name,)* }
            }

            /// Elements in one block.
            pub fn block_size(self) -> usize {
                match self { $(GgmlType::$variant => $block_size,)* }
            }

            /// Bytes of one block.
            pub fn block_bytes(self) -> usize {
                match self { $(GgmlType::$variant => $block_bytes,)* }
            }
        }
    };
}

ggml_types! {
    F32 = 0, "F32", 1 elements in 4 bytes;
    F16 = 1, "F16", 1 elements in 2 bytes;
    Q4_0 = 2, "Q4_0", 32 elements in 18 bytes;
    Q4_1 = 3, "Q4_1", 32 elements in 20 bytes;
    Q5_0 = 6, "Q5_0", 32 elements in 22 bytes;
    Q5_1 = 7, "Q5_1", 32 elements in 24 bytes;
    Q8_0 = 8, "Q8_0", 32 elements in 34 bytes;
    Q8_1 = 9, "Q8_1", 32 elements in 36 bytes;
    Q2K = 10, "Q2_K", 256 elements in 84 bytes;
    Q3K = 11, "Q3_K", 256 elements in 110 bytes;
    Q4K = 12, "Q4_K", 256 elements in 144 bytes;
    Q5K = 13, "Q5_K", 256 elements in 176 bytes;
    Q6K = 14, "Q6_K", 256 elements in 210 bytes;
    Q8K = 15, "Q8_K", 256 elements in 292 bytes;
    Iq2Xxs = 16, "IQ2_XXS", 256 elements in 66 bytes;
    Iq2Xs = 17, "IQ2_XS", 256 elements in 74 bytes;
    Iq3Xxs = 18, "IQ3_XXS", 256 elements in 98 bytes;
    Iq1S = 19, "IQ1_S", 256 elements in 50 bytes;
    Iq4Nl = 20, "IQ4_NL", 32 elements in 18 bytes;
    Iq3S = 21, "IQ3_S", 256 elements in 110 bytes;
    Iq2S = 22, "IQ2_S", 256 elements in 82 bytes;
    Iq4Xs = 23, "IQ4_XS", 256 elements in 136 bytes;
    I8 = 24, "I8", 1 elements in 1 bytes;
    I16 = 25, "I16", 1 elements in 2 bytes;
    I32 = 26, "I32", 1 elements in 4 bytes;
    I64 = 27, "I64", 1 elements in 8 bytes;
    F64 = 28, "F64", 1 elements in 8 bytes;
    Iq1M = 29, "IQ1_M", 256 elements in 56 bytes;
    BF16 = 30, "BF16", 1 elements in 2 bytes;
    Tq1_0 = 34, "TQ1_0", 256 elements in 54 bytes;
    Tq2_0 = 35, "TQ2_0", 256 elements in 66 bytes;
    Mxfp4 = 39, "MXFP4", 32 elements in 17 bytes;
    Nvfp4 = 40, "NVFP4", 64 elements in 36 bytes;
    Q1_0 = 41, "Q1_0", 128 elements in 18 bytes;
    Q2_0 = 42, "Q2_0", 64 elements in 18 bytes;
}

impl GgmlType {
    /// candle's name for this type, where candle knows it.
    pub fn to_candle(self) -> Option<GgmlDType> {
        Some(match self {
            GgmlType::F32 => GgmlDType::F32,
            GgmlType::F16 => GgmlDType::F16,
            GgmlType::BF16 => GgmlDType::BF16,
            GgmlType::Q4_0 => GgmlDType::Q4_0,
            GgmlType::Q4_1 => GgmlDType::Q4_1,
            GgmlType::Q5_0 => GgmlDType::Q5_0,
            GgmlType::Q5_1 => GgmlDType::Q5_1,
            GgmlType::Q8_0 => GgmlDType::Q8_0,
            GgmlType::Q8_1 => GgmlDType::Q8_1,
            GgmlType::Q2K => GgmlDType::Q2K,
            GgmlType::Q3K => GgmlDType::Q3K,
            GgmlType::Q4K => GgmlDType::Q4K,
            GgmlType::Q5K => GgmlDType::Q5K,
            GgmlType::Q6K => GgmlDType::Q6K,
            GgmlType::Q8K => GgmlDType::Q8K,
            _ => return None,
        })
    }
}

impl std::fmt::Display for GgmlType {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn block_sizes_agree_with_candle() {
        for &kind in GgmlType::ALL {
            assert_eq!(GgmlType::from_id(kind.id()), Some(kind));
            if let Some(candle) = kind.to_candle() {
                assert_eq!(
                    (kind.block_size(), kind.block_bytes()),
                    (candle.block_size(), candle.type_size()),
                    "{kind}"
                );
            }
        }
        assert_eq!(GgmlType::from_id(4), None, "Q4_2 was withdrawn");
    }
}
