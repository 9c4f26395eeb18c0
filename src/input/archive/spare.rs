//! Working memory that the next archive uses again.
//!
//! A heap holds thousands of small archives, and of each a little is kept. Were the large pieces that reading one takes
//! given back to the allocator every time, what is kept would come to lie in them, and the next ones would need new room:
//! memory grew by several times of what was kept. So each thread keeps its pieces.

use std::cell::RefCell;
use std::ops::{Deref, DerefMut};
use std::thread::LocalKey;

/// No more than a few layers are ever open at a time.
const MOST: usize = 16;

pub(super) type Spares<T> = RefCell<Vec<T>>;

/// A piece that goes back to the spares when it is no longer used.
pub(super) struct Lent<T: 'static> {
    /// `None` only while it is dropped.
    piece: Option<T>,
    spares: &'static LocalKey<Spares<T>>,
}

impl<T> Lent<T> {
    /// A piece that was used before, as it was left, or a new one.
    pub fn take(spares: &'static LocalKey<Spares<T>>, new: impl FnOnce() -> T) -> Self {
        let piece = spares.with_borrow_mut(Vec::pop).unwrap_or_else(new);
        Self { piece: Some(piece), spares }
    }
}

impl<T> Drop for Lent<T> {
    fn drop(&mut self) {
        // While the thread ends there are no spares any more, and then the piece just goes.
        let _ = self.spares.try_with(|spares| {
            if let (Ok(mut all), Some(piece)) = (spares.try_borrow_mut(), self.piece.take())
                && all.len() < MOST
            {
                all.push(piece);
            }
        });
    }
}

impl<T> Deref for Lent<T> {
    type Target = T;

    fn deref(&self) -> &T {
        match &self.piece {
            Some(piece) => piece,
            None => unreachable!("only dropping takes it"),
        }
    }
}

impl<T> DerefMut for Lent<T> {
    fn deref_mut(&mut self) -> &mut T {
        match &mut self.piece {
            Some(piece) => piece,
            None => unreachable!("only dropping takes it"),
        }
    }
}
