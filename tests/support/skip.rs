//! Some tests need what not every machine has: a second user, a terminal. There they say so; where everything is
//! installed, as in `.ci/run`, nothing may be skipped.

pub fn skipped(why: &str) {
    assert!(std::env::var_os("TOCSIN_SKIP_NOTHING").is_none(), "{why}: nothing may be skipped here");
    eprintln!("skipped: {why}");
}
