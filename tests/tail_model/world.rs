//! The files of a family, those who write, roll, pack and delete them, and what is known to have been written.

use std::collections::HashSet;
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use tempfile::TempDir;

use crate::reader::{Piece, Reader};

#[derive(Clone, Debug)]
pub enum Action {
    Write {
        lines: usize,
        length: usize,
    },
    /// Part of a line; the next write goes on with it.
    Part {
        length: usize,
    },
    /// Renames the live file; whoever writes may go on in the old one until [`Action::Reopen`].
    Roll {
        create: bool,
        late: bool,
    },
    Reopen,
    CopyTruncate,
    Truncate,
    Remove {
        create: bool,
    },
    /// Packs a rolled file; if not `whole`, half of the archive is there and the file still beside it.
    Pack {
        at: usize,
        ending: Ending,
        whole: bool,
    },
    Unpack {
        at: usize,
    },
    DropOldest,
    RemoveDirectory,
    /// So many steps of the reader.
    Look {
        steps: usize,
    },
    Close,
    Save,
    Crash,
    /// Saves and starts again.
    Restart,
    Wait(i64),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    Gz,
    Zst,
    Zip,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Naming {
    NewestIsOne,
    OldestIsOne,
    Dated,
}

/// What was written to one file between its creation and its end, or between two truncations.
#[derive(Default)]
struct Segment {
    content: Vec<u8>,
    /// It is nowhere any more, so that what was not read is lost.
    gone: bool,
    /// It is nowhere but in the descriptor that the reader holds.
    held: bool,
    /// Copies of it are left at most.
    truncated: bool,
}

struct Rolled {
    segment: usize,
    name: String,
    packed: Option<Ending>,
    half: Option<Ending>,
}

pub struct World {
    directory: TempDir,
    naming: Naming,
    banner: usize,
    pub now: i64,
    ticks: u64,
    lines: usize,
    segments: Vec<Segment>,
    live: Option<usize>,
    writer: Option<(File, usize)>,
    /// The newest first.
    rolled: Vec<Rolled>,
}

impl World {
    pub fn new(naming: Naming, banner: usize) -> World {
        let memory = Path::new("/dev/shm");
        let place = std::env::var_os("TOCSIN_TAIL_DIR").map(PathBuf::from);
        let place = place.or_else(|| memory.is_dir().then(|| memory.to_owned())).unwrap_or_else(std::env::temp_dir);
        let directory = tempfile::Builder::new().prefix("tail").tempdir_in(place).unwrap();
        World {
            directory,
            naming,
            banner,
            now: 1_000_000,
            ticks: 0,
            lines: 0,
            segments: Vec::new(),
            live: None,
            writer: None,
            rolled: Vec::new(),
        }
    }

    fn logs(&self) -> PathBuf {
        self.directory.path().join("logs")
    }

    pub fn live(&self) -> PathBuf {
        self.logs().join("x.log")
    }

    fn path(&self, rolled: &Rolled) -> PathBuf {
        self.logs().join(format!("{}{}", rolled.name, suffix(rolled.packed)))
    }

    /// Files are never older than those before them, as long as nothing sets clocks.
    fn time(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000 + self.ticks)
    }

    pub fn act(&mut self, action: &Action, reader: &Reader) {
        self.ticks += 1;
        match action {
            Action::Write { lines, length } => {
                for _ in 0..*lines {
                    self.lines += 1;
                    let line = format!("{}\n", text(self.lines, *length));
                    self.write(line.as_bytes());
                }
            }
            Action::Part { length } => {
                self.lines += 1;
                let part = text(self.lines, *length);
                self.write(part.as_bytes());
            }
            Action::Roll { create, late } => self.roll(*create, *late),
            Action::Reopen => self.writer = None,
            Action::CopyTruncate => self.copy_truncate(),
            Action::Truncate => self.truncate(false),
            Action::Remove { create } => self.remove(*create, reader),
            Action::Pack { at, ending, whole } => self.pack(*at, *ending, *whole),
            Action::Unpack { at } => self.unpack(*at),
            Action::DropOldest => self.drop_oldest(reader),
            Action::RemoveDirectory => self.remove_directory(reader),
            Action::Wait(millis) => self.now += millis,
            _ => unreachable!("the reader's"),
        }
    }

    fn write(&mut self, bytes: &[u8]) {
        if self.writer.is_none() {
            fs::create_dir_all(self.logs()).unwrap();
            let file = OpenOptions::new().append(true).create(true).open(self.live()).unwrap();
            let segment = match self.live {
                Some(segment) => segment,
                None => self.begin(),
            };
            self.live = Some(segment);
            self.writer = Some((file, segment));
        }
        let time = self.time();
        let Some((file, segment)) = &mut self.writer else { unreachable!("just opened") };
        let content = &mut self.segments[*segment].content;
        let mut all = Vec::new();
        if content.is_empty() && self.banner > 0 {
            all.extend(std::iter::repeat_n(b'=', self.banner - 1));
            all.push(b'\n');
        }
        all.extend_from_slice(bytes);
        file.write_all(&all).unwrap();
        file.set_modified(time).unwrap();
        content.extend_from_slice(&all);
    }

    fn begin(&mut self) -> usize {
        self.segments.push(Segment::default());
        self.segments.len() - 1
    }

    fn create(&mut self) {
        if self.live.is_none() {
            fs::create_dir_all(self.logs()).unwrap();
            File::create(self.live()).unwrap().set_modified(self.time()).unwrap();
            self.live = Some(self.begin());
        }
    }

    fn roll(&mut self, create: bool, late: bool) {
        let Some(segment) = self.live else { return };
        let name = self.make_room();
        fs::rename(self.live(), self.logs().join(&name)).unwrap();
        self.live = None;
        self.rolled.insert(0, Rolled { segment, name, packed: None, half: None });
        if !late {
            self.writer = None;
        }
        if create {
            self.create();
        }
    }

    /// The name for the next rolled file.
    fn make_room(&mut self) -> String {
        match self.naming {
            Naming::Dated => {
                let t = self.ticks;
                format!("x.log.2026-01-{:02}_{:02}-{:02}-{:02}", 1 + t / 86_400, t / 3600 % 24, t / 60 % 60, t % 60)
            }
            Naming::OldestIsOne => format!("x.log.{}", self.rolled.len() + 1),
            Naming::NewestIsOne => {
                for at in (0..self.rolled.len()).rev() {
                    self.rename(at, format!("x.log.{}", at + 2));
                }
                "x.log.1".to_owned()
            }
        }
    }

    fn rename(&mut self, at: usize, name: String) {
        let rolled = &self.rolled[at];
        let (from, to) = (self.path(rolled), self.logs().join(format!("{name}{}", suffix(rolled.packed))));
        fs::rename(from, to).unwrap();
        if rolled.half.is_some() {
            let half = suffix(rolled.half);
            fs::rename(self.logs().join(format!("{}{half}", rolled.name)), self.logs().join(format!("{name}{half}")))
                .unwrap();
        }
        self.rolled[at].name = name;
    }

    fn copy_truncate(&mut self) {
        let Some(segment) = self.live else { return };
        let name = self.make_room();
        let to = self.logs().join(&name);
        fs::copy(self.live(), &to).unwrap();
        File::options().write(true).open(&to).unwrap().set_modified(self.time()).unwrap();
        self.rolled.insert(0, Rolled { segment, name, packed: None, half: None });
        self.ticks += 1;
        self.truncate(true);
    }

    fn truncate(&mut self, copied: bool) {
        let Some(segment) = self.live else { return };
        let file = File::options().write(true).open(self.live()).unwrap();
        file.set_len(0).unwrap();
        file.set_modified(self.time()).unwrap();
        if self.segments[segment].content.is_empty() && !copied {
            return;
        }
        self.segments[segment].gone |= !copied;
        self.segments[segment].truncated = true;
        let next = self.begin();
        self.live = Some(next);
        if let Some((_, writes_to)) = &mut self.writer
            && *writes_to == segment
        {
            *writes_to = next;
        }
    }

    fn remove(&mut self, create: bool, reader: &Reader) {
        let Some(segment) = self.live.take() else { return };
        fs::remove_file(self.live()).unwrap();
        self.lose(segment, reader);
        if self.writer.as_ref().is_some_and(|(_, writes_to)| *writes_to == segment) {
            self.writer = None;
        }
        if create {
            self.create();
        }
    }

    fn pack(&mut self, at: usize, ending: Ending, whole: bool) {
        let busy = self.writer.as_ref().map(|(_, segment)| *segment);
        // Nobody packs nothing, or what is still written.
        let may_be = |r: &&Rolled| Some(r.segment) != busy && !self.segments[r.segment].content.is_empty();
        let Some(rolled) = self.rolled.get(at).filter(|r| r.packed.is_none()).filter(may_be) else { return };
        let ending = rolled.half.unwrap_or(ending);
        let plain = self.path(rolled);
        let packed = self.logs().join(format!("{}{}", rolled.name, suffix(Some(ending))));
        let modified = fs::metadata(&plain).unwrap().modified().unwrap();
        let bytes = packed_as(ending, &fs::read(&plain).unwrap());
        let bytes = if whole { &bytes[..] } else { &bytes[..bytes.len() / 2] };
        fs::write(&packed, bytes).unwrap();
        if whole {
            File::options().write(true).open(&packed).unwrap().set_modified(modified).unwrap();
            fs::remove_file(plain).unwrap();
        }
        let rolled = &mut self.rolled[at];
        (rolled.packed, rolled.half) = if whole { (Some(ending), None) } else { (None, Some(ending)) };
    }

    fn unpack(&mut self, at: usize) {
        let Some(rolled) = self.rolled.get(at).filter(|r| r.packed.is_some()) else { return };
        let packed = self.path(rolled);
        let modified = fs::metadata(&packed).unwrap().modified().unwrap();
        let plain = self.logs().join(&rolled.name);
        fs::write(&plain, &self.segments[rolled.segment].content).unwrap();
        File::options().write(true).open(&plain).unwrap().set_modified(modified).unwrap();
        fs::remove_file(packed).unwrap();
        self.rolled[at].packed = None;
    }

    fn drop_oldest(&mut self, reader: &Reader) {
        let busy = self.writer.as_ref().map(|(_, segment)| *segment);
        if self.rolled.last().is_none_or(|rolled| Some(rolled.segment) == busy) {
            return;
        }
        let Some(rolled) = self.rolled.pop() else { return };
        fs::remove_file(self.path(&rolled)).unwrap();
        if rolled.half.is_some() {
            fs::remove_file(self.logs().join(format!("{}{}", rolled.name, suffix(rolled.half)))).unwrap();
        }
        self.lose(rolled.segment, reader);
        if self.naming == Naming::OldestIsOne {
            for at in (0..self.rolled.len()).rev() {
                self.rename(at, format!("x.log.{}", self.rolled.len() - at));
            }
        }
    }

    fn remove_directory(&mut self, reader: &Reader) {
        if !self.logs().exists() {
            return;
        }
        fs::remove_dir_all(self.logs()).unwrap();
        self.writer = None;
        let segments: Vec<usize> =
            self.live.take().into_iter().chain(self.rolled.drain(..).map(|r| r.segment)).collect();
        segments.into_iter().for_each(|segment| self.lose(segment, reader));
    }

    /// The last name of a segment has gone.
    fn lose(&mut self, segment: usize, reader: &Reader) {
        let lost = &mut self.segments[segment];
        lost.gone = true;
        // Bytes behind the banner are of one segment only.
        lost.held = reader.has_open()
            && !lost.truncated
            && reader.pieces.last().is_some_and(|piece| {
                !piece.ended && piece.bytes.len() > self.banner && lost.content.starts_with(&piece.bytes)
            });
    }

    /// A new process holds no descriptors.
    pub fn reader_is_gone(&mut self) {
        self.segments.iter_mut().for_each(|segment| segment.held = false);
    }

    pub fn compare(&self, reader: &Reader) -> Result<(), String> {
        let segments: Vec<&Segment> = self.segments.iter().filter(|s| !s.content.is_empty()).collect();
        let pieces: Vec<&Piece> = reader.pieces.iter().filter(|p| !p.bytes.is_empty()).collect();
        let mut failed = HashSet::new();
        match fits(&segments, &pieces, (0, 0), &mut failed) {
            true => Ok(()),
            false => Err(tell(&segments, &pieces)),
        }
    }
}

/// Do the pieces from one on fit the segments from one on?
fn fits(segments: &[&Segment], pieces: &[&Piece], at: (usize, usize), failed: &mut HashSet<(usize, usize)>) -> bool {
    if !failed.insert(at) {
        return false;
    }
    let (segment, piece) = (segments.get(at.0), pieces.get(at.1));
    let Some(segment) = segment else { return piece.is_none() };
    let may_be_lost = segment.gone && !segment.held;
    let whole = piece.is_some_and(|piece| piece.bytes == segment.content);
    let in_part = piece.is_some_and(|piece| piece.lost && segment.content.starts_with(&piece.bytes));
    (whole && fits(segments, pieces, (at.0 + 1, at.1 + 1), failed))
        || (may_be_lost && in_part && fits(segments, pieces, (at.0 + 1, at.1 + 1), failed))
        || (may_be_lost && fits(segments, pieces, (at.0 + 1, at.1), failed))
}

fn tell(segments: &[&Segment], pieces: &[&Piece]) -> String {
    let show = |bytes: &[u8]| {
        let text = String::from_utf8_lossy(bytes);
        let numbers: Vec<&str> = text.lines().filter_map(|l| l.get(..6)).collect();
        format!("{} bytes {}..{}", bytes.len(), numbers.first().unwrap_or(&""), numbers.last().unwrap_or(&""))
    };
    let mut text = "written:\n".to_owned();
    for s in segments {
        text += &format!("  {} gone {} held {}\n", show(&s.content), s.gone, s.held);
    }
    text += "read:\n";
    for p in pieces {
        text += &format!("  {} ended {} lost {}\n", show(&p.bytes), p.ended, p.lost);
    }
    text
}

/// So many characters that stand in no other line.
fn text(number: usize, length: usize) -> String {
    format!("{number:06} ").chars().cycle().take(7 + length).collect()
}

fn suffix(packed: Option<Ending>) -> &'static str {
    match packed {
        None => "",
        Some(Ending::Gz) => ".gz",
        Some(Ending::Zst) => ".zst",
        Some(Ending::Zip) => ".zip",
    }
}

fn packed_as(ending: Ending, plain: &[u8]) -> Vec<u8> {
    match ending {
        Ending::Gz => {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            encoder.write_all(plain).unwrap();
            encoder.finish().unwrap()
        }
        Ending::Zst => zstd::stream::encode_all(plain, 1).unwrap(),
        Ending::Zip => {
            let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
            let options = zip::write::SimpleFileOptions::default();
            zip.start_file("x.log", options).unwrap();
            zip.write_all(plain).unwrap();
            zip.finish().unwrap().into_inner()
        }
    }
}
