//! Whose code a workspace has, told so that every machine of a team tells the same; and which copy of it this is.

use std::path::Path;
use std::process::{Command, Stdio};

use sha2::{Digest, Sha256};
use sysinfo::System;

use super::wire::hex;

/// Where the code comes from by its remote `origin`, with the directory in it, such as `example.org/team/project`; without
/// one, the directory's name.
pub(super) fn name(root: &Path) -> String {
    let Some(origin) = git(root, &["config", "--get", "remote.origin.url"]) else {
        return root.file_name().map_or("workspace".into(), |name| name.to_string_lossy()).into_owned();
    };
    let inside = git(root, &["rev-parse", "--show-prefix"]).unwrap_or_default();
    format!("{}/{inside}", plain(&origin)).trim_end_matches('/').to_owned()
}

/// Tells this directory on this machine from all others without naming either.
pub(super) fn copy_of(root: &Path) -> String {
    let host = System::host_name().unwrap_or_default();
    hex(&Sha256::digest(format!("{host}\0{}", root.display()))[..8])
}

/// What git says, if it says something.
fn git(root: &Path, arguments: &[&str]) -> Option<String> {
    let mut command = Command::new("git");
    command.args(arguments).current_dir(root).stdin(Stdio::null()).stderr(Stdio::null());
    let output = command.env("GIT_OPTIONAL_LOCKS", "0").output().ok().filter(|output| output.status.success())?;
    let text = String::from_utf8(output.stdout).ok()?;
    Some(text.trim().to_owned()).filter(|text| !text.is_empty())
}

/// The address of a repository without how it is reached: protocol, names, passwords, port, `.git`.
fn plain(origin: &str) -> String {
    let (machine, path) = match origin.split_once("://") {
        Some((_, rest)) => rest.split_once('/').unwrap_or((rest, "")),
        // As ssh takes it, or a path.
        None => origin.split_once(':').filter(|(machine, _)| !machine.contains('/')).unwrap_or(("", origin)),
    };
    let machine = machine.rsplit('@').next().unwrap_or_default();
    let machine = machine.split(':').next().unwrap_or_default().to_lowercase();
    let path = path.split(['?', '#']).next().unwrap_or_default().trim_matches('/');
    format!("{machine}/{}", path.strip_suffix(".git").unwrap_or(path)).trim_start_matches('/').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_repository_has_one_name_however_it_is_reached() {
        for origin in [
            "https://example.org/team/project.git",
            "https://ada:secret@Example.org/team/project",
            "https://token@example.org:8443/team/project.git?token=secret",
            "git@example.org:team/project.git",
            "ssh://git@example.org:2222/team/project.git/",
            "ssh://git@example.org/team/project",
        ] {
            assert_eq!(plain(origin), "example.org/team/project", "{origin}");
        }
        assert_eq!(plain("/srv/git/project.git"), "srv/git/project");
        assert_eq!(plain("file:///srv/git/project.git"), "srv/git/project");
    }

    #[test]
    fn a_directory_without_git_is_called_by_its_name() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("project");
        std::fs::create_dir(&root).unwrap();
        assert_eq!(name(&root), "project");
        assert_eq!(copy_of(&root), copy_of(&root));
        assert_ne!(copy_of(&root), copy_of(dir.path()));
    }
}
