//! A corpus file.
use std::collections::{HashMap, hash_map::Entry as Slot};
use crate::config::Config;
mod other;

/// A point.
#[derive(Clone)]
pub struct Point<T> {
    pub x: T,
    y: T,
}

pub enum Shape {
    Circle { radius: f32 },
    Nothing,
}

pub trait Area {
    type Unit;
    fn area(&self) -> f32;
    fn twice(&self) -> f32 {
        self.area() * 2.0
    }
}

impl Area for Shape {
    type Unit = f32;
    fn area(&self) -> f32 {
        match self {
            Shape::Circle { radius } => radius * radius * PI,
            Shape::Nothing => 0.0,
        }
    }
}

const PI: f32 = 3.14;
static NAME: &str = r#"a "raw" one"#;
type Map<V> = HashMap<String, V>;

macro_rules! twice {
    ($e:expr) => {
        $e + $e
    };
}

mod inner {
    pub fn helper(c: char) -> bool {
        c == '{' /* a brace */
    }
}

fn main() {
    let config = Config::load("path");
    let total = inner::helper('x') && std::mem::size_of::<Point<u8>>() > twice!(1);
    println!("{total} {}", config.name());
}
