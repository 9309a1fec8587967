//! Finds stop strings in text that arrives in pieces, and lets nothing through that might become part of one.

/// What a piece of text led to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Generation goes on; this text, possibly empty, can be shown.
    Text(String),
    /// A stop string is complete; this text comes before it, and nothing after it counts.
    Stop {
        /// Text not yet shown.
        text: String,
        /// The stop string.
        stop: String,
    },
}

/// Watches one stream of text. The stop string that is complete first ends it, the longest if several are at once.
#[derive(Clone, Debug)]
pub struct StopMatcher {
    stops: Vec<String>,
    /// Text not yet shown because it ends in the beginning of a stop string.
    held: String,
}

impl StopMatcher {
    /// A matcher at the start of a text. Empty stop strings stop nothing.
    pub fn new(stops: &[String]) -> StopMatcher {
        let stops = stops.iter().filter(|stop| !stop.is_empty()).cloned().collect();
        StopMatcher { stops, held: String::new() }
    }

    /// Takes the next piece of text. Not to be called again after a stop.
    pub fn push(&mut self, text: &str) -> Step {
        self.held.push_str(text);
        if let Some((start, stop)) = self.first_match() {
            let stop = stop.to_owned();
            self.held.truncate(start);
            return Step::Stop { text: std::mem::take(&mut self.held), stop };
        }
        let kept = self.held.split_off(self.shown());
        Step::Text(std::mem::replace(&mut self.held, kept))
    }

    /// The text still held when no more comes: the beginning of a stop string that did not go on.
    pub fn finish(&mut self) -> String {
        std::mem::take(&mut self.held)
    }

    /// The match that ends first, the longest among those that end there, with where it starts.
    fn first_match(&self) -> Option<(usize, &str)> {
        let matches = self.stops.iter().filter_map(|stop| Some((self.held.find(stop.as_str())?, stop.as_str())));
        matches.min_by_key(|(start, stop)| (start + stop.len(), *start))
    }

    /// How much of the text held cannot be the beginning of a stop string.
    fn shown(&self) -> usize {
        let could_begin = |start: &usize| {
            let tail = &self.held[*start..];
            self.stops.iter().any(|stop| stop.starts_with(tail))
        };
        let longest = self.stops.iter().map(String::len).max().unwrap_or(0);
        let from = self.held.len().saturating_sub(longest);
        let starts = self.held.char_indices().map(|(start, _)| start).skip_while(|start| *start < from);
        starts.into_iter().find(could_begin).unwrap_or(self.held.len())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Pushes the pieces and returns all text shown, piece by piece, and the stop string.
    fn run(stops: &[&str], pieces: &[&str]) -> (Vec<String>, Option<String>) {
        let stops: Vec<String> = stops.iter().map(|stop| stop.to_string()).collect();
        let mut matcher = StopMatcher::new(&stops);
        let mut shown = Vec::new();
        for piece in pieces {
            match matcher.push(piece) {
                Step::Text(text) => shown.push(text),
                Step::Stop { text, stop } => {
                    shown.push(text);
                    return (shown, Some(stop));
                }
            }
        }
        shown.push(matcher.finish());
        (shown, None)
    }

    #[test]
    fn text_is_held_only_while_it_may_become_a_stop_string() {
        /// Stop strings, pieces pushed, text shown for each and at the end, the stop string that ended it.
        type Case<'a> = (&'a [&'a str], &'a [&'a str], &'a [&'a str], Option<&'a str>);
        let cases: [Case<'_>; 8] = [
            (&["\n\n"], &["a\n", "b\n", "\nc"], &["a", "\nb", ""], Some("\n\n")),
            (&["```"], &["x`", "`y", "``", "` z"], &["x", "``y", "", ""], Some("```")),
            (&["END"], &["aEN", "Eb", "E"], &["a", "ENEb", "", "E"], None),
            (&[], &["a", "b"], &["a", "b", ""], None),
            (&[""], &["a"], &["a", ""], None),
            (&["bc", "abcd"], &["ab", "cd"], &["", "a"], Some("bc")),
            (&["cd", "bcd"], &["abcd"], &["a"], Some("bcd")),
            (&["ж}"], &["aж", "}"], &["a", ""], Some("ж}")),
        ];
        for (stops, pieces, shown, stop) in cases {
            let expected = (shown.iter().map(|text| text.to_string()).collect(), stop.map(str::to_owned));
            assert_eq!(run(stops, pieces), expected, "{stops:?} in {pieces:?}");
        }
    }

    /// Looks at every prefix of the whole text.
    fn naive(stops: &[String], text: &str) -> (String, Option<String>) {
        for end in (0..=text.len()).filter(|end| text.is_char_boundary(*end)) {
            let here = stops.iter().filter(|stop| !stop.is_empty() && text[..end].ends_with(stop.as_str()));
            if let Some(stop) = here.max_by_key(|stop| stop.len()) {
                return (text[..end - stop.len()].to_owned(), Some(stop.clone()));
            }
        }
        (text.to_owned(), None)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2048))]

        #[test]
        fn pieces_make_no_difference(
            stops in prop::collection::vec("[abж]{0,4}", 0..4),
            pieces in prop::collection::vec("[abж]{0,5}", 0..10),
        ) {
            let text = pieces.concat();
            let stops_ref: Vec<&str> = stops.iter().map(String::as_str).collect();
            let pieces_ref: Vec<&str> = pieces.iter().map(String::as_str).collect();
            let (shown, stop) = run(&stops_ref, &pieces_ref);
            prop_assert_eq!((shown.concat(), stop), naive(&stops, &text));
        }
    }
}
