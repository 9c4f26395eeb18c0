//! Standard input, live: a thread that reads, so that a pipe in which nothing comes delays nobody.

use std::io::{self, ErrorKind, Read};
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, RecvTimeoutError, TryRecvError, sync_channel};
use std::time::{Duration, Instant};

use crate::input::tail::{Begin, Step};

/// Bytes that are read at a time, and how many such pieces wait for us.
const PIECE: usize = 64 * 1024;
const PIECES: usize = 16;

/// The reading end of a pipe.
pub struct Piped {
    pieces: Receiver<io::Result<Vec<u8>>>,
    /// What was taken and not handed out.
    rest: Vec<u8>,
    /// Of the first byte of `rest`, where it is begun.
    offset: u64,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    New,
    Open,
    Over,
}

impl Piped {
    /// `wake` is called when there is something to read.
    pub fn start(mut from: impl Read + Send + 'static, wake: impl Fn() + Send + 'static) -> Piped {
        let (hand, pieces) = sync_channel(PIECES);
        std::thread::spawn(move || {
            let mut piece = vec![0; PIECE];
            loop {
                let read = match from.read(&mut piece) {
                    Ok(0) => break,
                    Ok(read) => Ok(piece[..read].to_vec()),
                    Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                    Err(error) => Err(error),
                };
                let ended = read.is_err();
                if hand.send(read).is_err() || ended {
                    break;
                }
                wake();
            }
            drop(hand);
            wake();
        });
        Piped { pieces, rest: Vec::new(), offset: 0, state: State::New }
    }

    /// Whoever reads on begins with the line that was not complete, at this offset.
    pub fn again(&mut self, unfinished: &[u8], offset: u64) {
        if self.state == State::Open {
            self.rest.splice(..0, unfinished.iter().copied());
            (self.offset, self.state) = (offset, State::New);
        }
    }

    /// It goes on in the middle.
    pub fn goes_on(&self) -> bool {
        self.state == State::New && self.offset > 0
    }

    /// What comes first, to see what log it is: up to this much, or what comes within this time. It is handed out later
    /// all the same.
    pub fn sample(&mut self, most: usize, patience: Duration) -> &[u8] {
        let until = Instant::now() + patience;
        while self.rest.len() < most {
            match self.pieces.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(Ok(piece)) => self.rest.extend(piece),
                Ok(Err(_)) | Err(RecvTimeoutError::Disconnected | RecvTimeoutError::Timeout) => break,
            }
        }
        &self.rest[..self.rest.len().min(most)]
    }

    pub fn is_over(&self) -> bool {
        self.state == State::Over
    }

    pub fn step<'b>(&mut self, buffer: &'b mut [u8]) -> Step<'b> {
        match self.state {
            State::New => {
                self.state = State::Open;
                return Step::Begin(Begin { path: PathBuf::from("stdin"), modified: None, offset: self.offset });
            }
            State::Over => return Step::AtEnd,
            State::Open => {}
        }
        if self.rest.is_empty() {
            match self.pieces.try_recv() {
                Ok(Ok(piece)) => self.rest = piece,
                Err(TryRecvError::Empty) => return Step::AtEnd,
                Ok(Err(_)) | Err(TryRecvError::Disconnected) => {
                    self.state = State::Over;
                    return Step::End;
                }
            }
        }
        let read = self.rest.len().min(buffer.len());
        buffer[..read].copy_from_slice(&self.rest[..read]);
        self.rest.drain(..read);
        Step::Bytes(&buffer[..read])
    }
}
