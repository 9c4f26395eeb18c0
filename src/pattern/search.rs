//! How the signals of a log are looked for: by a text that must stand in the line, or else by trying every line.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use regex_automata::meta::{Cache, Config, Regex};
use regex_automata::util::pool::{Pool, PoolGuard};
use regex_automata::util::syntax;
use regex_automata::{Input, MatchKind, PatternSet};
use regex_syntax::hir::{Hir, Look};

pub use super::literal::SHORTEST;
use super::literal::{Check, Need};
use super::patterns::{Clause, SignalId};
use super::regexes::hir;
use super::windows::{SAMPLE, Windows};

/// A combined regex whose DFA does not fit its cache is a hundred times slower.
const DFA_CACHE: usize = 16 << 20;

const SIZE_LIMIT: usize = 1 << 26;

#[derive(Debug, Default)]
pub struct Search {
    /// In the order in which one line's hits are given: that of the signals' names.
    pub sought: Vec<Sought>,
    /// Those that no text tells of, looked for in each line or in each message.
    pub lines: Option<Trial>,
    pub messages: Option<Trial>,
    /// The texts that suit this log best, as far as it has been seen. They decide about speed alone, so whoever scans
    /// a file of this log may leave a better choice here for the next.
    windows: RwLock<Option<Arc<Windows>>>,
    /// Bytes that have been searched, in all files of this log.
    searched: AtomicU64,
    /// When a better choice may be looked for again: ever more rarely, for it costs as much as searching some megabytes.
    next_choice: AtomicU64,
}

/// The clause that a signal is looked for by.
#[derive(Debug)]
pub struct Sought {
    pub signal: SignalId,
    pub place: Place,
    /// `None`: only trying can tell.
    pub need: Option<Need>,
    /// What else must stand in a line in which one of its texts was found.
    pub check: Option<Check>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// `match`.
    Line,
    /// `message`, for a signal that has nothing else: it stands in a head.
    Message,
}

impl Search {
    /// For clauses in the order of [`Search::sought`].
    pub fn new<'c>(clauses: impl Iterator<Item = (SignalId, Place, &'c Clause)>) -> Result<Search, String> {
        let mut search = Search::default();
        let (mut lines, mut messages) = (Vec::new(), Vec::new());
        for (signal, place, clause) in clauses {
            let hir = hir(&clause.source).unwrap_or_else(Hir::fail);
            let need = Need::of(&hir);
            if need.is_none() {
                match place {
                    Place::Line => lines.push((search.sought.len(), hir)),
                    Place::Message => {
                        messages.push((search.sought.len(), Hir::concat(vec![Hir::look(Look::Start), hir])))
                    }
                }
            }
            let check = need.as_ref().and_then(Need::check);
            search.sought.push(Sought { signal, place, need, check });
        }
        search.lines = Trial::new(lines)?;
        search.messages = Trial::new(messages)?;
        Ok(search)
    }

    /// The last choice of windows that was left here.
    pub fn windows(&self) -> Option<Arc<Windows>> {
        self.windows.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub fn leave(&self, windows: Arc<Windows>) {
        let searched = self.searched.load(Ordering::Relaxed);
        self.next_choice.store(4 * (searched + SAMPLE as u64), Ordering::Relaxed);
        *self.windows.write().unwrap_or_else(PoisonError::into_inner) = Some(windows);
    }

    /// So many more bytes are being searched. May a better choice of windows be looked for?
    pub fn may_choose_again(&self, bytes: usize) -> bool {
        let before = self.searched.fetch_add(bytes as u64, Ordering::Relaxed);
        before >= self.next_choice.load(Ordering::Relaxed)
    }
}

/// All regexes that nothing but trying can decide, as one automaton.
#[derive(Debug)]
pub struct Trial {
    regex: Regex,
    /// Pattern → index of [`Search::sought`].
    sought: Vec<usize>,
    caches: Pool<Cache, NewCache>,
}

type NewCache = Box<dyn Fn() -> Cache + Send + Sync + std::panic::UnwindSafe + std::panic::RefUnwindSafe>;

/// A trial with what it needs for itself: to be taken once for many lines.
pub struct Trying<'t> {
    trial: &'t Trial,
    cache: PoolGuard<'t, Cache, NewCache>,
    matched: PatternSet,
}

impl Trial {
    fn new(regexes: Vec<(usize, Hir)>) -> Result<Option<Trial>, String> {
        if regexes.is_empty() {
            return Ok(None);
        }
        let (sought, hirs): (Vec<usize>, Vec<Hir>) = regexes.into_iter().unzip();
        let config = Config::new()
            .match_kind(MatchKind::All)
            .utf8_empty(false)
            .nfa_size_limit(Some(SIZE_LIMIT))
            .hybrid_cache_capacity(DFA_CACHE);
        let mut builder = Regex::builder();
        let regex = builder.configure(config).syntax(syntax::Config::new().utf8(false)).build_many_from_hir(&hirs);
        let regex = regex.map_err(|error| error.to_string())?;
        let maker = regex.clone();
        Ok(Some(Trial { regex, sought, caches: Pool::new(Box::new(move || maker.create_cache())) }))
    }

    pub fn start(&self) -> Trying<'_> {
        Trying { trial: self, cache: self.caches.get(), matched: PatternSet::new(self.sought.len()) }
    }
}

impl Trying<'_> {
    /// Calls `found` with the index of [`Search::sought`] of each clause that holds.
    pub fn run(&mut self, text: &[u8], found: impl FnMut(usize)) {
        let regex = &self.trial.regex;
        if regex.search_half_with(&mut self.cache, &Input::new(text).earliest(true)).is_none() {
            return;
        }
        self.matched.clear();
        regex.which_overlapping_matches_with(&mut self.cache, &Input::new(text), &mut self.matched);
        self.matched.iter().map(|pattern| self.trial.sought[pattern.as_usize()]).for_each(found);
    }
}
