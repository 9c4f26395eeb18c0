//! Wake-ups from the file system, by way of linemux.
//!
//! They make tailing prompt and nothing else: what is read, and whether anything is missing, never depends on them. So
//! linemux is given no log to read. It is told to wait for one name per directory that never comes to be, for which it
//! watches the directory and hands on whatever happens in it. A thread of its own takes the events, because they pile up
//! without bound where nobody does, and boils them down to what is to be looked at.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, ErrorKind::NotFound, ErrorKind::PermissionDenied};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use linemux::MuxedEvents;
use tokio::sync::Notify;

use super::descriptors;
use super::fingerprint::Identity;

/// More paths than this are no better than all.
const PATHS: usize = 4096;

/// What happened since it was last asked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Woken {
    /// Anything may have happened anywhere.
    pub all: bool,
    /// Something happened to these files, named as their directories really are.
    pub paths: BTreeSet<PathBuf>,
    /// Somebody else called ([`Caller::call`]).
    pub called: bool,
    /// What keeps wake-ups from coming, with the remedy; each is said once. Polling goes on.
    pub troubles: Vec<String>,
}

impl Woken {
    pub fn is_empty(&self) -> bool {
        *self == Woken::default()
    }
}

/// The watched directories.
pub struct Wake {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

/// Wakes the loop for other reasons: a signal, an acknowledgement.
#[derive(Clone)]
pub struct Caller(Arc<Shared>);

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    /// For whoever waits in a plain thread.
    happened: Condvar,
    /// For whoever waits in a task.
    told: Notify,
    /// For the thread that takes the events: other directories, or the end.
    changed: Notify,
}

#[derive(Default)]
struct State {
    woken: Woken,
    wanted: BTreeSet<PathBuf>,
    said: BTreeSet<String>,
    stop: bool,
}

impl Wake {
    /// Nothing is watched yet.
    pub fn start() -> io::Result<Wake> {
        let shared = Arc::new(Shared::default());
        let runtime = tokio::runtime::Builder::new_current_thread().build()?;
        let theirs = shared.clone();
        let thread = std::thread::Builder::new()
            .name("wake".to_owned())
            .spawn(move || runtime.block_on(take_events(&theirs)))?;
        Ok(Wake { shared, thread: Some(thread) })
    }

    /// Watches these directories, by their real paths, and no others. It is to be said again with each look at the
    /// directories: one that was made anew is watched anew then.
    pub fn watch(&self, directories: impl IntoIterator<Item = PathBuf>) {
        self.shared.state().wanted = directories.into_iter().collect();
        self.shared.changed.notify_one();
    }

    /// What happened, without waiting.
    pub fn take(&self) -> Woken {
        std::mem::take(&mut self.shared.state().woken)
    }

    /// What happened; if nothing did, waits until something does, but not longer than this.
    pub fn wait(&self, timeout: Duration) -> Woken {
        let state = self.shared.state();
        let waited = self.shared.happened.wait_timeout_while(state, timeout, |state| state.woken.is_empty());
        let (mut state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut state.woken)
    }

    /// Waits in a task.
    pub async fn woken(&self) -> Woken {
        loop {
            let told = self.shared.told.notified();
            let woken = self.take();
            if !woken.is_empty() {
                return woken;
            }
            told.await;
        }
    }

    pub fn caller(&self) -> Caller {
        Caller(self.shared.clone())
    }
}

impl Drop for Wake {
    fn drop(&mut self) {
        self.shared.state().stop = true;
        self.shared.changed.notify_one();
        if let Some(thread) = self.thread.take() {
            // It does nothing that could panic, and if it did there is nothing to be saved.
            let _ = thread.join();
        }
    }
}

impl Caller {
    pub fn call(&self) {
        self.0.tell(|woken| woken.called = true);
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self, what: impl FnOnce(&mut Woken)) {
        let mut state = self.state();
        let before = state.woken.is_empty();
        what(&mut state.woken);
        if before && !state.woken.is_empty() {
            drop(state);
            self.happened.notify_all();
            self.told.notify_one();
        }
    }

    /// An event with paths is about these files; linemux keeps the paths of other files than its own to itself, and then
    /// it may be about any. One `MuxedEvents` for each directory would tell which, but each takes a thread and an inotify
    /// instance, of which a user has 128.
    fn event(&self, paths: Vec<PathBuf>, rescan: bool) {
        self.tell(|woken| {
            if rescan || paths.is_empty() || woken.paths.len() + paths.len() > PATHS {
                woken.all = true;
            }
            if woken.all {
                woken.paths.clear();
            } else {
                woken.paths.extend(paths);
            }
        });
    }

    fn trouble(&self, error: &io::Error) {
        self.say(remedy(error));
    }

    /// Once.
    fn say(&self, words: String) {
        if self.state().said.insert(words.clone()) {
            self.tell(|woken| woken.troubles.push(words));
        }
    }
}

/// What becomes of logs whose directory is not watched.
const POLLED: &str = "logs are polled instead, and new lines may be seen up to 5 s later";

/// Is this directory at fault, as one of a file server that is away, and not a limit of the machine?
fn is_its_own(error: &io::Error) -> bool {
    use rustix::io::Errno;
    let of_one = [Errno::STALE, Errno::NOTDIR, Errno::LOOP, Errno::IO, Errno::NAMETOOLONG];
    Errno::from_io_error(error).is_some_and(|errno| of_one.contains(&errno))
}

fn too_many(most: usize) -> String {
    format!(
        "there are more directories than the {most} that are watched: in the others {POLLED}. Raise the limit of open files \
         (`LimitNOFILE=`): an eighth of it, and no more than {}, are for directories",
        descriptors::DIRECTORIES
    )
}

fn remedy(error: &io::Error) -> String {
    let text = error.to_string();
    if text.contains("watch limit") || error.raw_os_error() == Some(rustix::io::Errno::NOSPC.raw_os_error()) {
        return format!(
            "no more directories can be watched; {POLLED}. Raise it with `sysctl fs.inotify.max_user_watches=1048576`"
        );
    }
    if error.raw_os_error() == Some(rustix::io::Errno::MFILE.raw_os_error()) {
        return format!(
            "directories cannot be watched; {POLLED}. Raise `sysctl fs.inotify.max_user_instances=1024`, or the limit of open files"
        );
    }
    format!("directories cannot be watched ({text}); {POLLED}")
}

/// Takes events until it is told to stop.
async fn take_events(shared: &Shared) {
    let mut watched = Watched::new(0);
    loop {
        tokio::select! {
            () = shared.changed.notified() => {
                let wanted = {
                    let state = shared.state();
                    if state.stop {
                        return;
                    }
                    state.wanted.clone()
                };
                // The limit may have been raised since.
                watched.most = descriptors::directories();
                if watched.update(&wanted, shared).await {
                    // What happened before the watch was there was not seen by it.
                    shared.event(Vec::new(), true);
                }
            }
            event = watched.next() => match event {
                Ok((paths, rescan)) => shared.event(paths, rescan),
                Err(error) => {
                    shared.trouble(&error);
                    shared.event(Vec::new(), true);
                }
            },
        }
    }
}

/// What linemux watches.
struct Watched {
    events: Option<MuxedEvents>,
    /// Held open, so that a directory that is made anew has another inode.
    directories: BTreeMap<PathBuf, (Identity, File)>,
    /// No more directories than this: each holds a descriptor that a log could have.
    most: usize,
}

impl Watched {
    fn new(most: usize) -> Watched {
        Watched { events: None, directories: BTreeMap::new(), most }
    }

    /// The next event, as its paths and whether events were lost; never, as long as nothing is watched.
    async fn next(&mut self) -> io::Result<(Vec<PathBuf>, bool)> {
        if let Some(events) = &mut self.events
            && let Some(event) = events.next_event().await?
        {
            let rescan = event.need_rescan();
            return Ok((event.paths, rescan));
        }
        std::future::pending().await
    }

    /// Returns whether anything is watched now that was not before. Those that are watched stay before others are added.
    async fn update(&mut self, wanted: &BTreeSet<PathBuf>, shared: &Shared) -> bool {
        // A watch is on an inode, and linemux takes none back: what was made anew needs a new beginning.
        let stands = |(path, (identity, _)): (&PathBuf, &(Identity, File))| {
            wanted.contains(path) && fs::metadata(path).is_ok_and(|m| Identity::of(&m) == *identity)
        };
        if !self.directories.iter().all(stands) {
            *self = Watched::new(self.most);
        }
        let mut new = false;
        for path in wanted {
            if self.directories.contains_key(path) {
                continue;
            }
            if self.directories.len() >= self.most {
                shared.say(too_many(self.most));
                break;
            }
            match self.add(path).await {
                Ok(()) => new = true,
                // It has gone in the meantime, or may not be looked into: the next look at the directories tells.
                Err(error) if matches!(error.kind(), NotFound | PermissionDenied) => {}
                // This one cannot be watched, and is polled; others can.
                Err(error) if is_its_own(&error) => shared.trouble(&error),
                // It will be the same for the next one.
                Err(error) => {
                    shared.trouble(&error);
                    break;
                }
            }
        }
        new
    }

    async fn add(&mut self, directory: &Path) -> io::Result<()> {
        let held = File::open(directory)?;
        let identity = Identity::of(&held.metadata()?);
        let events = match &mut self.events {
            Some(events) => events,
            none => none.insert(MuxedEvents::new()?),
        };
        let name = format!(".tocsin-{}.wake", std::process::id());
        events.add_file(directory.join(name)).await?;
        self.directories.insert(directory.to_owned(), (identity, held));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    /// Waits for wake-ups until one is as wanted.
    fn until(wake: &Wake, wanted: impl Fn(&Woken) -> bool) {
        while !wanted(&wake.wait(LONG)) {}
    }

    #[test]
    fn a_line_a_new_file_and_a_directory_made_anew_wake() {
        let directory = tempfile::tempdir().unwrap();
        let logs = directory.path().canonicalize().unwrap().join("logs");
        fs::create_dir(&logs).unwrap();
        let wake = Wake::start().unwrap();
        for _ in 0..2 {
            wake.watch([logs.clone()]);
            until(&wake, |woken| woken.all);
            fs::write(logs.join("x.log"), "line\n").unwrap();
            until(&wake, |woken| woken.all || !woken.paths.is_empty());
            fs::remove_dir_all(&logs).unwrap();
            fs::create_dir(&logs).unwrap();
        }
    }

    #[test]
    fn what_happened_while_nobody_waited_is_not_forgotten() {
        let wake = Wake::start().unwrap();
        wake.caller().call();
        assert!(wake.wait(LONG).called);
        assert!(wake.take().is_empty());
    }

    #[test]
    fn a_directory_that_is_not_there_is_no_trouble() {
        let wake = Wake::start().unwrap();
        wake.watch([PathBuf::from("/no/such/directory")]);
        wake.caller().call();
        assert_eq!(wake.wait(LONG).troubles, Vec::<String>::new());
    }

    #[test]
    fn events_beyond_counting_become_one() {
        let shared = Shared::default();
        for number in 0..2 * PATHS {
            shared.event(vec![PathBuf::from(format!("/x/{number}"))], false);
        }
        let woken = std::mem::take(&mut shared.state().woken);
        assert_eq!(woken, Woken { all: true, ..Woken::default() });
        shared.event(vec![PathBuf::from("/x/1")], true);
        assert!(shared.state().woken.all);
    }

    /// Polling is the floor: what is beyond the bound is read all the same.
    #[test]
    fn directories_beyond_the_bound_are_not_watched_and_those_within_stay() {
        let root = tempfile::tempdir().unwrap();
        let path = |name: &str| root.path().join(name);
        let made = |name: &str| fs::create_dir(path(name)).map(|()| path(name)).unwrap();
        let mut wanted = BTreeSet::from([made("b"), made("c"), made("d")]);
        let (shared, mut watched) = (Shared::default(), Watched::new(2));
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let mut update = |wanted: &BTreeSet<PathBuf>| {
            let new = runtime.block_on(watched.update(wanted, &shared));
            (new, watched.directories.keys().cloned().collect::<Vec<_>>())
        };
        assert_eq!(update(&wanted), (true, vec![path("b"), path("c")]));
        // Neither a second look nor a directory with an earlier name begins all of it anew.
        wanted.insert(made("a"));
        assert_eq!(update(&wanted), (false, vec![path("b"), path("c")]));
        wanted.remove(&path("b"));
        assert_eq!(update(&wanted), (true, vec![path("a"), path("c")]));
        let troubles = std::mem::take(&mut shared.state().woken).troubles;
        assert_eq!(troubles.len(), 1, "{troubles:?}");
    }

    #[test]
    fn a_limit_is_said_once_with_its_remedy() {
        let shared = Shared::default();
        for _ in 0..2 {
            shared.trouble(&io::Error::other("OS file watch limit reached."));
            shared.trouble(&io::Error::from_raw_os_error(24));
        }
        let troubles = std::mem::take(&mut shared.state().woken).troubles;
        assert_eq!(troubles.len(), 2);
        assert!(troubles[0].contains("max_user_watches") && troubles[1].contains("max_user_instances"), "{troubles:?}");
    }
}
