//! Questions to a running watch, over a Unix socket in its state directory: the store has one owner.
//!
//! A line of JSON asks, a line of JSON answers. The socket is the owner's alone, like the directory.

use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Sender, channel};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::status::Status;

/// A question is short; an answer must come soon.
const LONGEST: u64 = 64 * 1024;
const PATIENCE: Duration = Duration::from_secs(10);

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", tag = "ask")]
pub enum Question {
    State,
    /// Clear the instance with this key.
    Clear {
        key: String,
    },
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Answer {
    State(Box<Status>),
    /// Whether one was active.
    Cleared(bool),
    Refused(String),
}

/// A question, and where its answer goes.
pub struct Asked {
    pub question: Question,
    pub answer: Sender<Answer>,
}

/// The socket, for as long as this lives.
pub struct Socket {
    path: PathBuf,
}

impl Socket {
    /// Listens. `ask` takes each question to the watch.
    pub fn listen(path: &Path, ask: impl Fn(Asked) + Send + Sync + Clone + 'static) -> io::Result<Socket> {
        // One that is left from a crash; the lock says that nobody else is here.
        match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let listener = UnixListener::bind(path)?;
        fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(stream) = stream else { return };
                let ask = ask.clone();
                std::thread::spawn(move || {
                    // Whoever asked is gone: there is nobody to tell.
                    let _ = serve(stream, &ask);
                });
            }
        });
        Ok(Socket { path: path.to_owned() })
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

fn serve(mut stream: UnixStream, ask: &impl Fn(Asked)) -> io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let mut line = String::new();
    BufReader::new(stream.try_clone()?.take(LONGEST)).read_line(&mut line)?;
    let answer = match serde_json::from_str(&line) {
        Ok(question) => {
            let (answer, answered) = channel();
            ask(Asked { question, answer });
            let late = || Answer::Refused("the watch did not answer in time".to_owned());
            answered.recv_timeout(PATIENCE).unwrap_or_else(|_| late())
        }
        Err(error) => Answer::Refused(format!("not a question: {error}")),
    };
    let mut answer = serde_json::to_vec(&answer)?;
    answer.push(b'\n');
    stream.write_all(&answer)
}

/// Asks the watch that listens there. `Ok(None)`: none does.
pub fn ask(path: &Path, question: &Question) -> io::Result<Option<Answer>> {
    let mut stream = match UnixStream::connect(path) {
        Ok(stream) => stream,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused) => {
            return Ok(None);
        }
        Err(error) => return Err(error),
    };
    stream.set_read_timeout(Some(2 * PATIENCE))?;
    let mut line = serde_json::to_vec(question)?;
    line.push(b'\n');
    stream.write_all(&line)?;
    let mut answer = String::new();
    BufReader::new(stream).read_line(&mut answer)?;
    Ok(Some(serde_json::from_str(&answer)?))
}
