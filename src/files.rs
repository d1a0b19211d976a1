//! Small things about files that several layers need.

use std::io::{self, Write};
use std::path::Path;

/// Writes beside and renames, so that a reader never sees half a file.
///
/// # Errors
/// When the folder can't be made or the file can't be written.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let dir = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(dir)?;
    let mut builder = tempfile::Builder::new();
    // Temporary files are their owner's alone; what is written here is an ordinary file.
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    let mut file = builder.tempfile_in(dir)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}

/// Letters and digits of a name, lower case, the rest as single dashes.
#[must_use]
pub fn slug(name: &str) -> String {
    let lower = name.to_lowercase();
    let words: Vec<&str> = lower
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty())
        .collect();
    let mut slug = words.join("-");
    slug.truncate(48);
    if slug.is_empty() {
        "unnamed".to_owned()
    } else {
        slug
    }
}

#[cfg(test)]
mod tests {
    use super::slug;

    #[test]
    fn slugs_are_safe_file_names() {
        assert_eq!(slug("Mine & yours!"), "mine-yours");
        assert_eq!(slug("../../x"), "x");
        assert_eq!(slug("…"), "unnamed");
    }
}
