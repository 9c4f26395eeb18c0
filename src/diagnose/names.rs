//! Who owns a file, and what its mode allows, as `ls -l` shows it.

use std::collections::BTreeMap;
use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// The users and groups of a machine, by the files that list them.
#[derive(Debug, Default)]
pub struct Names {
    users: BTreeMap<u32, (String, u32)>,
    groups: BTreeMap<u32, (String, Vec<String>)>,
}

impl Names {
    pub fn read(root: &Path) -> Names {
        let text = |file: &str| fs::read_to_string(root.join(file)).unwrap_or_default();
        Names::parse(&text("etc/passwd"), &text("etc/group"))
    }

    fn parse(passwd: &str, group: &str) -> Names {
        let mut names = Names::default();
        for line in passwd.lines() {
            let fields: Vec<&str> = line.split(':').collect();
            if let [name, _, id, group, ..] = fields.as_slice()
                && let (Ok(id), Ok(group)) = (id.parse(), group.parse())
            {
                names.users.entry(id).or_insert_with(|| ((*name).to_owned(), group));
            }
        }
        for line in group.lines() {
            let fields: Vec<&str> = line.split(':').collect();
            if let [name, _, id, members, ..] = fields.as_slice()
                && let Ok(id) = id.parse()
            {
                let members = members.split(',').filter(|m| !m.is_empty()).map(str::to_owned).collect();
                names.groups.entry(id).or_insert_with(|| ((*name).to_owned(), members));
            }
        }
        names
    }

    /// The name, or the number of one who has none.
    pub fn user(&self, id: u32) -> String {
        self.users.get(&id).map_or_else(|| id.to_string(), |(name, _)| name.clone())
    }

    pub fn group(&self, id: u32) -> String {
        self.groups.get(&id).map_or_else(|| id.to_string(), |(name, _)| name.clone())
    }

    /// Who runs as this user: with the groups that the lists give, or only with `group` if they do not know the user.
    pub fn person(&self, id: u32, group: u32) -> Person {
        let Some((name, primary)) = self.users.get(&id) else {
            return Person { id, name: id.to_string(), groups: vec![group] };
        };
        let also = self.groups.iter().filter(|(_, (_, members))| members.contains(name)).map(|(id, _)| *id);
        Person { id, name: name.clone(), groups: [*primary].into_iter().chain(also).collect() }
    }
}

/// A user, as the kernel judges one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    pub id: u32,
    pub name: String,
    pub groups: Vec<u32>,
}

impl Person {
    /// Does the mode allow `wanted` (4 read, 2 write, 1 pass)? Access lists are not looked at.
    pub fn may(&self, owned: &Owned, wanted: u32) -> bool {
        let shift = match (self.id == owned.user, self.groups.contains(&owned.group)) {
            _ if self.id == 0 => return true,
            (true, _) => 6,
            (_, true) => 3,
            _ => 0,
        };
        owned.mode >> shift & wanted == wanted
    }
}

/// Owner, group and mode of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Owned {
    pub user: u32,
    pub group: u32,
    /// Permission bits alone.
    pub mode: u32,
}

impl Owned {
    pub fn of(metadata: &Metadata) -> Owned {
        Owned { user: metadata.uid(), group: metadata.gid(), mode: metadata.mode() & 0o7777 }
    }

    /// `-rw-r----- omm:wheel`
    pub fn shown(&self, kind: char, names: &Names) -> String {
        format!("{} {}:{}", self.bits(kind), names.user(self.user), names.group(self.group))
    }

    fn bits(&self, kind: char) -> String {
        let special = [(0o4000, 's'), (0o2000, 's'), (0o1000, 't')];
        let mut text = String::from(kind);
        for (at, (bit, letter)) in special.into_iter().enumerate() {
            let three = self.mode >> (6 - 3 * at);
            text.push(if three & 4 != 0 { 'r' } else { '-' });
            text.push(if three & 2 != 0 { 'w' } else { '-' });
            text.push(match (self.mode & bit != 0, three & 1 != 0) {
                (false, true) => 'x',
                (false, false) => '-',
                (true, true) => letter,
                (true, false) => letter.to_ascii_uppercase(),
            });
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_are_shown_as_by_ls() {
        for (mode, shown) in [
            (0o644, "-rw-r--r--"),
            (0o000, "----------"),
            (0o4755, "-rwsr-xr-x"),
            (0o2640, "-rw-r-S---"),
            (0o1777, "-rwxrwxrwt"),
        ] {
            assert_eq!(Owned { user: 0, group: 0, mode }.bits('-'), shown);
        }
    }

    #[test]
    fn a_user_may_what_owner_group_or_others_may() {
        let names = Names::parse(
            "root:x:0:0::/root:/bin/sh\nomm:x:2000:10::/:/bin/sh\nbroken\n",
            "wheel:x:10:\nflink:x:11:a,omm\nother:x:12:\n",
        );
        let omm = names.person(2000, 99);
        assert_eq!(omm, Person { id: 2000, name: "omm".into(), groups: vec![10, 11] });
        for (user, group, mode, may) in [
            (2000, 12, 0o400, true),
            // The owner's bits count for the owner, even where others may.
            (2000, 12, 0o044, false),
            (0, 10, 0o040, true),
            (0, 11, 0o040, true),
            (0, 11, 0o404, false),
            (0, 12, 0o040, false),
            (0, 12, 0o004, true),
        ] {
            assert_eq!(omm.may(&Owned { user, group, mode }, 4), may, "{user} {group} {mode:o}");
        }
        assert!(names.person(0, 0).may(&Owned { user: 5, group: 5, mode: 0 }, 4), "root may");
        assert_eq!(names.person(77, 12).groups, [12]);
        assert_eq!(Owned { user: 2000, group: 13, mode: 0o750 }.shown('d', &names), "drwxr-x--- omm:13");
    }
}
