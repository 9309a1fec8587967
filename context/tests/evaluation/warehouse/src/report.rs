//! What the office reads in the morning.

use crate::orders::{Order, invoice_cents};
use crate::pricing::{PriceList, display_cents};
use crate::stock::Stock;

/// A line for each order: the customer and the sum.
pub fn daily_report(orders: &[Order], prices: &PriceList) -> String {
    let mut report = String::new();
    for order in orders {
        let sum = match invoice_cents(order, prices) {
            Some(cents) => display_cents(cents),
            None => "no price".to_owned(),
        };
        report.push_str(&format!("{}: {sum}\n", order.customer));
    }
    report
}

/// The articles of an order that are nearly gone.
pub fn nearly_gone<'a>(order: &'a Order, stock: &Stock, least: u32) -> Vec<&'a str> {
    let mut gone = Vec::new();
    for line in &order.lines {
        if stock.left(&line.article) < least {
            gone.push(line.article.as_str());
        }
    }
    gone
}
