//! May this user read it, and which command would let them?

use std::fs;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, AtFlags, CWD, accessat};

/// Who runs this process.
#[derive(Clone, Debug)]
pub struct User {
    /// As `setfacl` takes it: the name, or the number of one who has no name.
    pub name: String,
    pub root: bool,
}

impl User {
    pub fn of_process() -> User {
        let id = rustix::process::geteuid();
        let number = id.as_raw();
        let name = fs::read_to_string("/etc/passwd").ok().and_then(|text| named(&text, number));
        User { name: name.unwrap_or_else(|| number.to_string()), root: id.is_root() }
    }
}

/// The name of a user in `/etc/passwd`.
fn named(passwd: &str, number: u32) -> Option<String> {
    passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)?.parse() == Ok(number)).then(|| name.to_owned())
    })
}

/// May the process do this, as it stands?
pub fn may(path: &Path, access: Access) -> bool {
    accessat(CWD, path, access, AtFlags::EACCESS).is_ok()
}

/// The directories above `path` that cannot be passed through, from the root down. Those below the first of them cannot
/// be judged, and count.
pub fn closed_above(path: &Path) -> Vec<PathBuf> {
    let Ok(path) = std::path::absolute(path) else { return Vec::new() };
    let mut above: Vec<PathBuf> = path.ancestors().skip(1).map(Path::to_owned).collect();
    above.reverse();
    above.into_iter().filter(|d| !may(d, Access::EXEC_OK)).collect()
}

/// The command by which root lets `user` read a directory's logs, those that are yet to be written too.
pub fn grant(user: &User, directory: &Path) -> String {
    let name = &user.name;
    let directory = &std::path::absolute(directory).unwrap_or_else(|_| directory.to_owned());
    let mut commands: Vec<String> = Vec::new();
    let closed = closed_above(directory);
    if !closed.is_empty() {
        let list: Vec<String> = closed.iter().map(|d| quoted(d)).collect();
        commands.push(format!("setfacl -m u:{name}:x {}", list.join(" ")));
    }
    commands.push(format!("setfacl -R -m u:{name}:rX,d:u:{name}:rX {}", quoted(directory)));
    commands.join(" && ")
}

/// As a shell takes it.
pub fn quoted(path: &Path) -> String {
    let text = path.to_string_lossy();
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '.' | '_' | '-' | '+' | ',' | ':' | '@' | '=');
    match !text.is_empty() && text.chars().all(plain) {
        true => text.into_owned(),
        false => format!("'{}'", text.replace('\'', r"'\''")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_named_as_the_system_names_it() {
        let passwd = "root:x:0:0:root:/root:/bin/bash\n# comment\nomm:x:2000:2000::/home/omm:/bin/sh\n";
        assert_eq!(named(passwd, 2000).as_deref(), Some("omm"));
        assert_eq!(named(passwd, 0).as_deref(), Some("root"));
        assert_eq!(named(passwd, 20), None);
    }

    #[test]
    fn a_command_names_paths_so_that_a_shell_takes_them() {
        for (path, expect) in [
            ("/var/log/Bigdata", "/var/log/Bigdata"),
            ("/a b/c", "'/a b/c'"),
            ("/it's", r"'/it'\''s'"),
            ("/$(reboot)", "'/$(reboot)'"),
        ] {
            assert_eq!(quoted(Path::new(path)), expect);
        }
    }
}
