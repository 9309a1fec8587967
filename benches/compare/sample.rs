//! A small ledger: accounts, postings between them, and a balance for each.

use std::collections::BTreeMap;
use std::fmt;

/// An amount of money in the smallest unit of its currency.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Amount(i64);

impl Amount {
    pub fn is_negative(self) -> bool {
        self.0 < 0
    }

    pub fn checked_add(self, other: Amount) -> Option<Amount> {
        self.0.checked_add(other.0).map(Amount)
    }
}

/// One movement between two accounts.
#[derive(Clone, Debug)]
pub struct Posting {
    pub from: String,
    pub to: String,
    pub amount: Amount,
}

#[derive(Debug, Default)]
pub struct Ledger {
    balances: BTreeMap<String, Amount>,
    postings: Vec<Posting>,
}

impl Ledger {
    /// Books a posting, unless an account would overflow.
    pub fn book(&mut self, posting: Posting) -> Result<(), String> {
        let to = self.balance(&posting.to).checked_add(posting.amount).ok_or("too much money")?;
        self.balances.insert(posting.to.clone(), to);
        self.postings.push(posting);
        Ok(())
    }

    fn balance(&self, account: &str) -> Amount {
        self.balances.get(account).copied().unwrap_or_default()
    }
}

/// Reads `from,to,amount` lines.
pub fn parse(text: &str) -> Result<Vec<Posting>, String> {
/*CURSOR*/
}

impl fmt::Display for Ledger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (account, amount) in &self.balances {
            writeln!(f, "{account:<20} {:>12}", amount.0)?;
        }
        write!(f, "{} postings", self.postings.len())
    }
}

fn main() {
    let mut ledger = Ledger::default();
    let postings = parse("cash,bank,100\nbank,rent,40").expect("well-formed lines");
    for posting in postings {
        ledger.book(posting).expect("amounts are small");
    }
    println!("{ledger}");
}
