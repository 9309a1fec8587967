//! A warehouse: what is in stock, what is ordered, and what that costs.

pub mod orders;
pub mod pricing;
pub mod report;
pub mod stock;
