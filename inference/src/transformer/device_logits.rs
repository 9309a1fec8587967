//! Logits that stay where they were computed: of a greedy choice only the token and its probability come to the host.

use std::cell::OnceCell;

use candle_core::{D, Result, Tensor};

use super::{Greedy, Logits};
use crate::EngineError;

/// Logits of shape (rows, vocabulary) on a device.
#[derive(Debug)]
pub struct DeviceLogits {
    rows: Option<Tensor>,
    /// The greedy choice of every row, once one was asked for.
    greedy: OnceCell<Vec<Greedy>>,
}

impl From<Option<Tensor>> for DeviceLogits {
    fn from(rows: Option<Tensor>) -> DeviceLogits {
        DeviceLogits { rows, greedy: OnceCell::new() }
    }
}

impl Logits for DeviceLogits {
    fn rows(&self) -> usize {
        self.rows.as_ref().map_or(0, |rows| rows.dims()[0])
    }

    /// Of equally probable tokens it is the device that chooses one.
    fn greedy(&self, row: usize) -> std::result::Result<Greedy, EngineError> {
        if self.greedy.get().is_none() {
            let choices = self.rows.as_ref().map_or_else(|| Ok(Vec::new()), choose_all).map_err(compute_error)?;
            // It was empty a line ago, and nobody else holds it.
            let _ = self.greedy.set(choices);
        }
        self.greedy.get().and_then(|choices| choices.get(row)).copied().ok_or_else(|| self.no_row(row))
    }

    fn row(&self, row: usize) -> std::result::Result<Vec<f32>, EngineError> {
        let rows = self.rows.as_ref().filter(|_| row < self.rows()).ok_or_else(|| self.no_row(row))?;
        rows.get(row).and_then(|row| row.to_vec1()).map_err(compute_error)
    }
}

impl DeviceLogits {
    fn no_row(&self, row: usize) -> EngineError {
        EngineError::Compute(format!("row {row} of {} rows of logits", self.rows()))
    }
}

/// The greedy choices of all rows at once: two small transfers, however large the vocabulary is.
fn choose_all(rows: &Tensor) -> Result<Vec<Greedy>> {
    let tokens: Vec<u32> = rows.argmax(D::Minus1)?.to_vec1()?;
    let largest = rows.max_keepdim(D::Minus1)?;
    let probabilities: Vec<f32> = rows.broadcast_sub(&largest)?.exp()?.sum(D::Minus1)?.recip()?.to_vec1()?;
    Ok(tokens.into_iter().zip(probabilities).map(|(token, probability)| Greedy { token, probability }).collect())
}

fn compute_error(error: candle_core::Error) -> EngineError {
    EngineError::Compute(error.to_string())
}
