//! Which files of a workspace a search looks at, by their paths.

use globset::{GlobBuilder, GlobMatcher};

/// Which paths are wanted: those that a glob matches or, where it has no wildcard, those that start with it.
#[derive(Clone, Debug)]
pub struct PathFilter {
    text: String,
    glob: Option<GlobMatcher>,
}

impl PathFilter {
    /// Reads a glob such as `src/**/*.rs`, or the beginning of a path such as `src/http/`.
    pub fn new(text: &str) -> Result<PathFilter, globset::Error> {
        let has_wildcard = text.contains(['*', '?', '[', '{']);
        let glob = has_wildcard.then(|| GlobBuilder::new(text).literal_separator(true).build()).transpose()?;
        Ok(PathFilter { text: text.to_owned(), glob: glob.map(|glob| glob.compile_matcher()) })
    }

    /// The directory in which all files lie whose paths fit, without a `/` at its end; none where they may lie anywhere.
    pub(super) fn folder(&self) -> Option<&str> {
        let plain = self.text.split(['*', '?', '[', '{', '\\']).next()?;
        plain.rsplit_once('/').map(|(folder, _)| folder).filter(|folder| !folder.is_empty())
    }

    pub(super) fn fits(&self, path: &str) -> bool {
        self.glob.as_ref().map_or_else(|| path.starts_with(&self.text), |glob| glob.is_match(path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_holds_all_that_fits() {
        for (text, folder) in [
            ("src/net/", Some("src/net")),
            ("src/net/ht", Some("src/net")),
            ("src/net/**/*.rs", Some("src/net")),
            ("src/{net,io}/*.rs", Some("src")),
            ("src", None),
            ("**/*.rs", None),
            ("/x", None),
        ] {
            assert_eq!(PathFilter::new(text).unwrap().folder(), folder, "{text}");
        }
    }
}
