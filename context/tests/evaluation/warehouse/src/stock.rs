//! What lies on the shelves.

use std::collections::BTreeMap;

/// Why goods cannot be handed out.
#[derive(Debug, PartialEq, Eq)]
pub enum Shortage {
    /// Nobody has heard of it.
    Unknown(String),
    /// There is less than was wanted.
    TooFew { wanted: u32, left: u32 },
}

/// The shelves.
#[derive(Debug, Default)]
pub struct Stock {
    shelves: BTreeMap<String, u32>,
    pub(crate) reserved: BTreeMap<String, u32>,
}

impl Stock {
    /// Puts goods on a shelf.
    pub fn put_away(&mut self, article: &str, count: u32) {
        *self.shelves.entry(article.to_owned()).or_default() += count;
    }

    /// Keeps goods back for an order; returns how many are left for others.
    pub fn set_aside(&mut self, article: &str, count: u32) -> Result<u32, Shortage> {
        let left = self.shelves.get_mut(article).ok_or_else(|| Shortage::Unknown(article.to_owned()))?;
        if *left < count {
            return Err(Shortage::TooFew { wanted: count, left: *left });
        }
        *left -= count;
        *self.reserved.entry(article.to_owned()).or_default() += count;
        Ok(*left)
    }

    /// Gives back what an order does not need after all.
    pub fn give_back(&mut self, article: &str, count: u32) {
        if let Some(reserved) = self.reserved.get_mut(article) {
            *reserved = reserved.saturating_sub(count);
        }
        self.put_away(article, count);
    }

    /// How many are left.
    pub fn left(&self, article: &str) -> u32 {
        self.shelves.get(article).copied().unwrap_or_default()
    }
}
