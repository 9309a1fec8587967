//! Which names may follow a dot, in projects of two languages.

use std::fs;
use std::sync::atomic::AtomicBool;

use super::*;
use crate::document::Snapshot;
use crate::symbols;
use crate::workspace::ScanLimits;

const PYTHON: &[(&str, &str)] = &[
    ("shop/__init__.py", ""),
    (
        "shop/base.py",
        "class Base:\n    kind: str = ''\n\n    def save(self) -> bool:\n        return True\n\n    @property\n    def owner(self) -> 'Owner':\n        ...\n\nclass Owner:\n    def notify(self, text: str) -> None: ...\n",
    ),
    (
        "shop/order.py",
        "from shop.base import Base, Owner\nfrom shop import base as things\n\nclass Order(Base):\n    def __init__(self, owner: Owner, lines=None):\n        self.buyer = owner\n        self.backup = things.Owner()\n        self.count: int = 0\n\n    def total(self) -> 'Money':\n        ...\n\nclass Money:\n    cents: int\n    def rounded(self) -> Money: ...\n\ndef load_order(key: str) -> Order | None:\n    ...\n",
    ),
];

const RUST: &[(&str, &str)] = &[
    ("Cargo.toml", "[package]\nname = \"shop\"\nversion = \"0.1.0\"\n"),
    ("src/lib.rs", "pub mod order;\nmod money;\npub use money::Money;\n\npub fn open() -> order::Order { todo!() }\n"),
    (
        "src/order.rs",
        "use crate::money::Money;\nuse std::sync::Arc;\n\npub enum State {\n    Open,\n    Shipped { at: u64 },\n}\n\npub struct Order {\n    pub total: Arc<Money>,\n    pub lines: Vec<Money>,\n}\n\nimpl Order {\n    pub fn load(key: &str) -> Result<Self, Error> { todo!() }\n    pub fn state(&self) -> State { todo!() }\n    pub fn find(&self) -> Option<&Money> { todo!() }\n}\n",
    ),
    (
        "src/money.rs",
        "use crate::order::Order;\n\npub struct Money { pub cents: u64 }\nimpl Money {\n    pub const ZERO: Money = Money { cents: 0 };\n    pub fn rounded(self) -> Money { self }\n}\nimpl Order {\n    pub fn pay(&mut self) {}\n}\nimpl State {\n    pub fn is_open(&self) -> bool { true }\n}\n",
    ),
];

/// The names that may follow the end of `text`, which is the file at `path` of a project.
fn names(files: &[(&str, &str)], path: &str, text: &str) -> String {
    let dir = tempfile::tempdir().unwrap();
    for (path, text) in files {
        fs::create_dir_all(dir.path().join(path).parent().unwrap()).unwrap();
        fs::write(dir.path().join(path), text).unwrap();
    }
    let workspace = Workspace::new(dir.path());
    workspace.scan(&ScanLimits::default(), &AtomicBool::new(false));
    let snapshot = Snapshot::of_text(Some(dir.path().join(path)), text);
    let imports = symbols::imports(&snapshot);
    let cursor = text.chars().count();
    let typing = Typing::new(&snapshot, cursor, Some(&workspace), &imports);
    let Some((members, _)) = members(&typing) else { return "?".to_owned() };
    let names: Vec<String> = members.rest().iter().map(|rest| format!("{}{rest}", members.typed)).collect();
    format!("{}: {}", members.of, names.join(" "))
}

#[test]
fn python() {
    let order = "Order: backup buyer count kind owner save total";
    for (text, expected) in [
        ("def f(order: Order):\n    order.", order),
        ("def f(order: Order | None):\n    order.", order),
        ("def f(order: Optional['Order'] = None):\n    order.", order),
        ("def f(orders: list[Order]):\n    orders.", "?"),
        ("order = Order(\n    owner,\n    lines=[1],\n)\norder.", order),
        ("order = load_order('a.b')\norder.s", "Order: save"),
        ("order = Order(owner)\ntotal = order.total()\ntotal.", "Money: cents rounded"),
        ("order = Order(owner)\norder.total().rounded().", "Money: cents rounded"),
        ("order = Order(owner)\norder.total.", "?"),
        ("order = Order(owner)\norder.owner.", "Owner: notify"),
        ("order = Order(owner)\norder.buyer.", "Owner: notify"),
        ("order = Order(owner)\norder.backup.", "Owner: notify"),
        ("order = Order(owner)\norder.count.", "?"),
        ("with load_order('a') as order:\n    order.to", "Order: total"),
        ("things.", "things: Base Owner"),
        ("things.Owner().", "Owner: notify"),
        ("unknown.", "?"),
        ("order = Order(owner)\nx = order\nx.to", "Order: total"),
        (
            "class Own(Order):\n    def extra(self):\n        self.",
            "Own: backup buyer count extra kind owner save total",
        ),
    ] {
        let imports = "from shop.order import Money, Order, load_order\nimport shop.base as things\n";
        assert_eq!(names(PYTHON, "main.py", &format!("{imports}{text}")), expected, "{text}");
    }
}

#[test]
fn rust() {
    let order = "Order: find lines pay state total";
    for (text, expected) in [
        ("fn f(order: &mut Order) {\n    order.", order),
        ("fn f(order: Arc<Order>) {\n    order.", order),
        ("fn f(order: &'a Order) {\n    order.", order),
        ("fn f(orders: Vec<Order>) {\n    orders.", "?"),
        ("    let order = Order::load(\"a\")?;\n    order.", order),
        ("    let order = Order::load(\"a\")\n        .unwrap();\n    order.", order),
        ("    let Ok(order) = Order::load(\"a\") else { return };\n    order.st", "Order: state"),
        ("    if let Some(money) = order().find() {\n        money.", "?"),
        (
            "    let order = crate::open();\n    if let Some(money) = order.find() {\n        money.",
            "Money: cents rounded",
        ),
        (
            "    let order = crate::open();\n    order\n        .total\n        .clone()\n        .",
            "Money: cents rounded",
        ),
        ("    Order::", "Order: load"),
        ("    State::", "State: Open Shipped"),
        ("    let state = State::Open;\n    state.", "State: is_open"),
        ("    Money::Z", "Money: ZERO"),
        ("    crate::order::", "order: Arc Money Order State"),
        ("    crate::", "crate: Money money open order"),
        ("    let order = Order { total, lines };\n    order.fi", "Order: find"),
        ("    self.", "?"),
        ("}\nimpl Order {\n    fn again(&self) {\n        self.pa", "Order: pay"),
        ("    foo!(a).", "?"),
    ] {
        let text = format!("use crate::order::{{Order, State}};\nuse crate::Money;\n\nfn main() {{\n{text}");
        assert_eq!(names(RUST, "src/main.rs", &text), expected, "{text}");
    }
}

#[test]
fn circles_end() {
    let circle = "let a = b.next();\n    let b = a.next();\n    ".repeat(200);
    for text in [
        "type Result<T> = std::result::Result<T, Error>;\nfn f(x: Result<u8>) {\n    x.".to_owned(),
        "type A = B;\ntype B = A;\nfn f(x: A) {\n    x.".to_owned(),
        format!("fn f() {{\n    {circle}a."),
    ] {
        assert_eq!(names(RUST, "src/main.rs", &text), "?");
    }
    let text = "class A(B):\n    one = 1\n\nclass B(A):\n    two = 2\n\ndef f(a: A):\n    a.";
    assert_eq!(names(PYTHON, "main.py", text), "A: one two");
}

#[test]
fn what_is_shown_of_them_begins_with_what_matters_here() {
    let heads =
        ["note_dependency", "parse", "_hidden", "titles"].map(|name| (name.to_owned(), format!("def {name}(self)")));
    let members = Members { of: "Env".to_owned(), heads: heads.into_iter().collect(), typed: String::new() };
    let shown =
        |tokens| members.text("class Env:", "for dependency in all:", "#", tokens, &crate::budget::RoughCounter, None);
    assert_eq!(shown(14), "class Env:\n    def note_dependency(self)\n    # parse");
    assert_eq!(shown(30), "class Env:\n    def note_dependency(self)\n    def parse(self)\n    # titles, _hidden");
}
