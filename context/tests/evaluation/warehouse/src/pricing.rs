//! What things cost, in cents.

use std::collections::BTreeMap;

/// From so many of one article on there is a rebate.
pub const REBATE_FROM: u32 = 10;
/// The rebate, in percent.
const REBATE_PERCENT: u64 = 5;

/// Prices by article, in cents.
#[derive(Debug, Default)]
pub struct PriceList {
    cents: BTreeMap<String, u64>,
}

impl PriceList {
    /// A list with one price in it for each article.
    pub fn from_pairs(pairs: &[(&str, u64)]) -> PriceList {
        PriceList { cents: pairs.iter().map(|(article, cents)| ((*article).to_owned(), *cents)).collect() }
    }

    /// What `count` of an article cost, rebate taken off.
    pub fn total_cents(&self, article: &str, count: u32) -> Option<u64> {
        let full = self.cents.get(article)? * u64::from(count);
        Some(if count >= REBATE_FROM { full - full * REBATE_PERCENT / 100 } else { full })
    }
}

/// Cents as people write them.
pub fn display_cents(cents: u64) -> String {
    format!("{}.{:02} EUR", cents / 100, cents % 100)
}
