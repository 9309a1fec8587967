//! Where models run: the processor, or an NVIDIA card where the program was built for one and finds it.
//!
//! A card is refused unless the kernels were compiled for it: others would run them and could answer with garbage.

use std::fmt;
use std::str::FromStr;

use candle_core::Device;
use serde::{Deserialize, Serialize};

use crate::transformer::Tensors;

/// What the user wants.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DeviceChoice {
    /// A card where there is one that serves, else the processor.
    #[default]
    Auto,
    /// The processor.
    Cpu,
    /// A card, or an error that says why not.
    Cuda,
}

impl DeviceChoice {
    /// The words for the choices.
    pub const NAMES: &'static [&'static str] = &["auto", "cpu", "cuda"];
}

impl FromStr for DeviceChoice {
    type Err = DeviceError;

    fn from_str(text: &str) -> Result<DeviceChoice, DeviceError> {
        match text {
            "auto" => Ok(DeviceChoice::Auto),
            "cpu" => Ok(DeviceChoice::Cpu),
            "cuda" => Ok(DeviceChoice::Cuda),
            other => Err(DeviceError::Unknown(other.to_owned())),
        }
    }
}

/// Where models will run.
#[derive(Clone, Debug, Default)]
pub enum Place {
    /// On the processor, with our own kernels.
    #[default]
    Cpu,
    /// On a card, with candle's.
    Card(Card),
}

/// A card that can run our models.
#[derive(Clone)]
pub struct Card {
    device: Device,
    name: String,
    free: u64,
}

impl Card {
    /// The card's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Bytes of memory that were free when the card was found.
    pub fn free(&self) -> u64 {
        self.free
    }

    /// The steps of the forward pass on this card.
    pub(crate) fn backend(&self) -> Tensors {
        Tensors::new(self.device.clone(), format!("cuda {}", self.name))
    }
}

impl fmt::Debug for Card {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Card").field("name", &self.name).field("free", &self.free).finish_non_exhaustive()
    }
}

/// Why models cannot run where they should.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum DeviceError {
    /// No such choice.
    #[error("there is no device `{0}`; write auto, cpu or cuda")]
    Unknown(String),
    /// This program knows no cards.
    #[error("this program was built without CUDA; build it with `--features cuda`, or write `engine.device = \"cpu\"`")]
    NotBuilt,
    /// No card, no driver, or one that does not work.
    #[error(
        "there is no CUDA card to run on: {0}; check the driver with `nvidia-smi`, or write `engine.device = \"cpu\"`"
    )]
    NoCard(String),
    /// Kernels for another kind of card.
    #[error(
        "the card {name} has compute capability {found}, and this program's kernels were compiled for {built} only; build \
         it again with CUDA_COMPUTE_CAP={}, or write `engine.device = \"cpu\"`",
        found.replace('.', "")
    )]
    Capability {
        /// The card.
        name: String,
        /// What it has, such as `8.9`.
        found: String,
        /// What was compiled for, such as `9.0`.
        built: String,
    },
}

/// The place for `choice`. With [`DeviceChoice::Auto`] the processor serves where no card does.
pub fn find(choice: DeviceChoice) -> Result<Place, DeviceError> {
    if choice == DeviceChoice::Cpu {
        return Ok(Place::Cpu);
    }
    match open_card() {
        Ok(card) => Ok(Place::Card(card)),
        Err(error) if choice == DeviceChoice::Cuda => Err(error),
        Err(DeviceError::NotBuilt) => Ok(Place::Cpu),
        Err(error) => {
            tracing::warn!(%error, "the processor serves instead");
            Ok(Place::Cpu)
        }
    }
}

#[cfg(not(feature = "cuda"))]
fn open_card() -> Result<Card, DeviceError> {
    Err(DeviceError::NotBuilt)
}

#[cfg(feature = "cuda")]
fn open_card() -> Result<Card, DeviceError> {
    use candle_core::cuda_backend::cudarc::driver::CudaContext;

    let failed = |error: &dyn fmt::Display| DeviceError::NoCard(error.to_string());
    let context = CudaContext::new(0).map_err(|error| failed(&error))?;
    let name = context.name().map_err(|error| failed(&error))?;
    let (major, minor) = context.compute_capability().map_err(|error| failed(&error))?;
    check_capability(&name, (major, minor), BUILT_FOR)?;
    let (free, _all) = context.mem_get_info().map_err(|error| failed(&error))?;
    let device = Device::new_cuda(0).map_err(|error| failed(&error))?;
    Ok(Card { device, name, free: free as u64 })
}

/// The capability that the kernels were compiled for, as `90` for 9.0.
#[cfg(feature = "cuda")]
const BUILT_FOR: &str = env!(
    "CUDA_COMPUTE_CAP",
    "set CUDA_COMPUTE_CAP to the compute capability of the card to build for, such as 90 for 9.0"
);

/// Single-architecture kernels run on exactly one capability; on others, launches go wrong without an error.
#[cfg(any(feature = "cuda", test))]
fn check_capability(name: &str, found: (i32, i32), built: &str) -> Result<(), DeviceError> {
    let (major, minor) = found;
    if format!("{major}{minor}") == built {
        return Ok(());
    }
    let (built_major, built_minor) = built.split_at(built.len().saturating_sub(1));
    Err(DeviceError::Capability {
        name: name.to_owned(),
        found: format!("{major}.{minor}"),
        built: format!("{built_major}.{built_minor}"),
    })
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    #[test]
    fn every_choice_has_its_word() {
        for name in DeviceChoice::NAMES {
            assert!(name.parse::<DeviceChoice>().is_ok(), "{name}");
        }
        expect!["there is no device `gpu`; write auto, cpu or cuda"]
            .assert_eq(&"gpu".parse::<DeviceChoice>().unwrap_err().to_string());
    }

    #[test]
    fn only_the_capability_that_was_compiled_for_is_taken() {
        assert_eq!(check_capability("H100", (9, 0), "90"), Ok(()));
        assert_eq!(check_capability("B200", (10, 0), "100"), Ok(()));
        expect![[r#"the card L4 has compute capability 8.9, and this program's kernels were compiled for 9.0 only; build it again with CUDA_COMPUTE_CAP=89, or write `engine.device = "cpu"`"#]]
            .assert_eq(&check_capability("L4", (8, 9), "90").unwrap_err().to_string());
        assert!(check_capability("A100", (8, 0), "86").is_err(), "newer kernels do not run on older cards");
    }

    #[cfg(not(feature = "cuda"))]
    #[test]
    fn a_build_without_cuda_says_so_only_where_it_was_asked_for() {
        assert!(matches!(find(DeviceChoice::Auto), Ok(Place::Cpu)));
        assert!(matches!(find(DeviceChoice::Cpu), Ok(Place::Cpu)));
        assert_eq!(find(DeviceChoice::Cuda).unwrap_err(), DeviceError::NotBuilt);
    }
}
