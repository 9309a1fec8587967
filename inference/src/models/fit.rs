//! Will it run here? Memory that models need against memory the machine has, before anything is loaded.

use serde::Serialize;
use sysinfo::{MemoryRefreshKind, RefreshKind, System};

use crate::device::Place;

/// What weights take beyond their file: packed copies of what cannot be used as it lies in the file.
const WEIGHTS_PERCENT: u64 = 125;

/// Activations, vocabulary, the program itself.
const WORKING_BYTES: u64 = 256 << 20;

/// Memory of this machine, in bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Memory {
    /// All there is.
    pub total: u64,
    /// What could be had now without swapping.
    pub available: u64,
    /// Whether a container's limit, not the machine, sets these numbers.
    pub limited: bool,
    /// Free memory of the card, where models are to run on one.
    pub vram_available: Option<u64>,
}

/// Memory that a choice of models needs, in bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Need {
    /// Weights of the target and the draft.
    pub weights: u64,
    /// Cached keys and values.
    pub cache: u64,
    /// Everything else.
    pub working: u64,
}

/// What comes of comparing the two.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fit {
    /// What is needed.
    pub need: Need,
    /// What there is.
    pub memory: Memory,
    /// Whether it is enough.
    pub fits: bool,
}

impl Need {
    /// What models of these file sizes need, with so much cache.
    pub fn of(files: &[u64], cache_bytes: u64) -> Need {
        let weights = files.iter().sum::<u64>().saturating_mul(WEIGHTS_PERCENT) / 100;
        Need { weights, cache: cache_bytes, working: WORKING_BYTES }
    }

    /// All of it.
    pub fn total(&self) -> u64 {
        self.weights.saturating_add(self.cache).saturating_add(self.working)
    }
}

impl Fit {
    /// Compares.
    pub fn check(need: Need, memory: &Memory) -> Fit {
        // Weights on their way to a card pass through the host's page cache, which gives way under pressure.
        let fits = need.total() <= memory.vram_available.unwrap_or(memory.available);
        Fit { need, memory: memory.clone(), fits }
    }

    /// The verdict in one line, with its numbers.
    pub fn sentence(&self) -> String {
        let verdict = if self.fits { "fits" } else { "does not fit" };
        if self.memory.total == u64::MAX {
            return format!("needs about {}; the memory of this machine could not be measured", mib(self.need.total()));
        }
        if let Some(free) = self.memory.vram_available {
            return format!(
                "{verdict}: needs about {} (weights {}, cache {}, work {}), the card has {} free",
                mib(self.need.total()),
                mib(self.need.weights),
                mib(self.need.cache),
                mib(self.need.working),
                mib(free),
            );
        }
        let place = if self.memory.limited { "this container" } else { "this machine" };
        format!(
            "{verdict}: needs about {} (weights {}, cache {}, work {}), {place} has {} available of {}",
            mib(self.need.total()),
            mib(self.need.weights),
            mib(self.need.cache),
            mib(self.need.working),
            mib(self.memory.available),
            mib(self.memory.total),
        )
    }
}

/// Measures what models at `place` could have, limits of a container included. Where it cannot be measured, everything is
/// taken to fit.
pub fn memory(place: &Place) -> Memory {
    let vram_available = match place {
        Place::Cpu => None,
        Place::Card(card) => Some(card.free()),
    };
    let ram = RefreshKind::nothing().with_memory(MemoryRefreshKind::nothing().with_ram());
    let mut memory = Memory { total: u64::MAX, available: u64::MAX, limited: false, vram_available };
    let Ok(system) = System::new_with_specifics(ram) else { return memory };
    memory.total = system.total_memory();
    memory.available = system.available_memory();
    if let Some(limits) = system.cgroup_limits().filter(|limits| limits.total_memory < memory.total) {
        memory.limited = true;
        memory.total = limits.total_memory;
        // `free_memory` of a control group counts the page cache as taken; resident memory is what cannot be had.
        let free = limits.free_memory.max(limits.total_memory.saturating_sub(limits.rss));
        memory.available = memory.available.min(free);
    }
    memory
}

fn mib(bytes: u64) -> String {
    format!("{} MiB", bytes.div_ceil(1 << 20))
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    fn machine(available_mib: u64) -> Memory {
        Memory { total: 16 << 30, available: available_mib << 20, limited: false, vram_available: None }
    }

    #[test]
    fn verdict_says_both_numbers() {
        let need = Need::of(&[1000 << 20, 400 << 20], 512 << 20);
        assert_eq!(need.total(), (1750 + 512 + 256) << 20);
        expect![[r#"fits: needs about 2518 MiB (weights 1750 MiB, cache 512 MiB, work 256 MiB), this machine has 2518 MiB available of 16384 MiB"#]]
            .assert_eq(&Fit::check(need.clone(), &machine(2518)).sentence());
        expect![[r#"does not fit: needs about 2518 MiB (weights 1750 MiB, cache 512 MiB, work 256 MiB), this container has 2517 MiB available of 16384 MiB"#]]
            .assert_eq(&Fit::check(need, &Memory { limited: true, ..machine(2517) }).sentence());
    }

    #[test]
    fn on_a_card_its_own_memory_counts() {
        let need = Need::of(&[4 << 30], 0);
        assert!(!Fit::check(need.clone(), &machine(100)).fits);
        assert!(Fit::check(need.clone(), &Memory { vram_available: Some(8 << 30), ..machine(100) }).fits);
        expect!["does not fit: needs about 5376 MiB (weights 5120 MiB, cache 0 MiB, work 256 MiB), the card has 4096 MiB free"]
            .assert_eq(&Fit::check(need, &Memory { vram_available: Some(4 << 30), ..machine(9000) }).sentence());
    }

    #[test]
    fn this_machine_has_memory() {
        let memory = memory(&Place::Cpu);
        assert!(memory.total > 0 && memory.available > 0 && memory.available <= memory.total, "{memory:?}");
    }
}
