//! The reader under test, with what it handed out.

use std::path::PathBuf;

use tocsin::input::tail::{Cursor, Start, Step, Tail};

/// What a file gave, from its beginning to its end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Piece {
    pub bytes: Vec<u8>,
    pub ended: bool,
    /// A hole was announced in it, or after it.
    pub lost: bool,
}

pub struct Reader {
    tail: Tail,
    buffer: Vec<u8>,
    pub pieces: Vec<Piece>,
    saved: Option<(Cursor, Vec<Piece>)>,
}

impl Reader {
    pub fn new(live: PathBuf, buffer: usize) -> Reader {
        let tail = Tail::new(live, Start::Beginning);
        Reader { tail, buffer: vec![0; buffer], pieces: Vec::new(), saved: None }
    }

    /// Goes on until there is nothing more for the moment, or so many steps were made.
    pub fn look(&mut self, now: i64, steps: usize) {
        for _ in 0..steps.min(100_000) {
            let step = self.tail.step(now, &mut self.buffer);
            if std::env::var_os("TOCSIN_TAIL_TRACE").is_some() {
                let text = match &step {
                    Step::Bytes(bytes) => format!("Bytes({})", bytes.len()),
                    other => format!("{other:?}"),
                };
                eprintln!("    {text}");
            }
            match step {
                Step::Begin(begin) => {
                    let offset = usize::try_from(begin.offset).unwrap();
                    // After a hole in which the file itself was lost another one is begun.
                    let goes_on = self.pieces.last().is_some_and(|piece| !(piece.ended || piece.lost && offset == 0));
                    if goes_on {
                        let length = self.pieces.last().map(|p| p.bytes.len()).unwrap();
                        assert_eq!(offset, length, "goes on elsewhere than where it was left: {begin:?}");
                    } else {
                        assert_eq!(offset, 0, "{begin:?}");
                        self.pieces.push(Piece::default());
                    }
                }
                Step::Bytes(bytes) => {
                    let piece = self.pieces.last_mut().filter(|piece| !piece.ended).expect("bytes of no file");
                    piece.bytes.extend_from_slice(bytes);
                }
                Step::End => {
                    let piece = self.pieces.last_mut().filter(|piece| !piece.ended).expect("the end of no file");
                    piece.ended = true;
                }
                Step::Lost(_) => {
                    let piece = self.pieces.last_mut().expect("lost, of no file");
                    piece.lost = true;
                }
                Step::Pending { until } if until <= now => {}
                Step::Pending { .. } | Step::AtEnd | Step::Unreadable(_) => return,
            }
        }
    }

    pub fn close(&mut self) {
        self.tail.close();
    }

    /// Saves where the unfinished line begins, as whoever puts lines together would.
    pub fn save(&mut self) {
        let mut pieces = self.pieces.clone();
        let mut offset = 0;
        if let Some(piece) = pieces.last_mut().filter(|piece| !piece.ended) {
            let end = piece.bytes.iter().rposition(|b| *b == b'\n').map_or(0, |newline| newline + 1);
            piece.bytes.truncate(end);
            offset = end as u64;
        }
        if let Some(cursor) = self.tail.cursor(offset) {
            let bytes = cursor.to_bytes();
            assert_eq!(Cursor::from_bytes(&bytes).unwrap(), cursor);
            self.saved = Some((cursor, pieces));
        }
    }

    pub fn crash(&mut self, live: PathBuf) {
        match &self.saved {
            Some((cursor, pieces)) => {
                self.tail = Tail::resume(live, cursor);
                self.pieces = pieces.clone();
            }
            None => {
                self.tail = Tail::new(live, Start::Beginning);
                self.pieces.clear();
            }
        }
    }

    pub fn has_open(&self) -> bool {
        self.tail.is_open()
    }
}
