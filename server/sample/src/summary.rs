//! What is known of many visits together.

use crate::Visit;

/// Sums over visits.
#[derive(Default)]
pub struct Summary {
    /// Number of visits.
    count: u64,
    /// Milliseconds of all of them.
    total_ms: u64,
}

impl Summary {
    /// Counts one more visit.
    pub fn add(&mut self, visit: &Visit) {
        self.count += 1;
        self.total_ms += visit.ms;
    }

    /// Milliseconds of the average visit; 0 when there was none.
    pub fn mean_ms(&self) -> f64 {
        if self.count == 0 {
            return 0.0;
        }
        self.total_ms as f64
    }
}
