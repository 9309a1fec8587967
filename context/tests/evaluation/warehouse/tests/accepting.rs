//! Orders against small stocks.

use warehouse::orders::{Order, accept, invoice_cents};
use warehouse::pricing::PriceList;
use warehouse::stock::{Shortage, Stock};

#[test]
fn an_order_that_cannot_be_filled_takes_nothing() {
    let mut stock = Stock::default();
    stock.put_away("bolt", 5);
    stock.put_away("nut", 1);
    let order = Order::default().with_line("bolt", 2).with_line("nut", 3);
    assert_eq!(accept(&order, &mut stock), Err(Shortage::TooFew { wanted: 3, left: 1 }));
    assert_eq!(stock.left("bolt"), 5);
}

#[test]
fn many_cost_less() {
    let prices = PriceList::from_pairs(&[("bolt", 100)]);
    let order = Order::default().with_line("bolt", 10);
    assert_eq!(invoice_cents(&order, &prices), Some(950));
}
