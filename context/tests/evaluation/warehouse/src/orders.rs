//! Orders, from the first line to the invoice.

use crate::pricing::PriceList;
use crate::stock::{Shortage, Stock};

/// One article of an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderLine {
    pub article: String,
    pub count: u32,
}

/// What someone wants.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Order {
    pub customer: String,
    pub lines: Vec<OrderLine>,
}

impl Order {
    /// Adds an article.
    pub fn with_line(mut self, article: &str, count: u32) -> Order {
        self.lines.push(OrderLine { article: article.to_owned(), count });
        self
    }
}

/// Keeps the goods of an order back: all of them, or none.
pub fn accept(order: &Order, stock: &mut Stock) -> Result<(), Shortage> {
    for (index, line) in order.lines.iter().enumerate() {
        if let Err(shortage) = stock.set_aside(&line.article, line.count) {
            for done in &order.lines[..index] {
                stock.give_back(&done.article, done.count);
            }
            return Err(shortage);
        }
    }
    Ok(())
}

/// What an order costs, in cents; `None` where an article has no price.
pub fn invoice_cents(order: &Order, prices: &PriceList) -> Option<u64> {
    let mut sum = 0;
    for line in &order.lines {
        sum += prices.total_cents(&line.article, line.count)?;
    }
    Some(sum)
}
