//! A suggestion must be worth looking at.

use crate::completion::Trigger;

/// Characters that are not space in the shortest suggestion shown to someone who is typing.
const SHORTEST: usize = 2;

/// Refuses a text that is only space, or shorter than worth showing unasked.
pub fn check(text: &str, trigger: Trigger) -> Result<(), String> {
    let visible = text.chars().filter(|ch| !ch.is_whitespace()).count();
    match trigger {
        _ if visible == 0 => Err("the model has nothing to add here".to_owned()),
        Trigger::Automatic if visible < SHORTEST => Err("it would save a single key".to_owned()),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn worth_showing() {
        for (text, automatic, invoked) in
            [("", false, false), (" \n\t", false, false), (";", false, true), (" a ", false, true), ("ab", true, true)]
        {
            assert_eq!(check(text, Trigger::Automatic).is_ok(), automatic, "{text:?}");
            assert_eq!(check(text, Trigger::Invoked).is_ok(), invoked, "{text:?}");
        }
    }
}
