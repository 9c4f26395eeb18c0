//! Whatever happens to the files of a family, each line is read once, in order; and what is lost is said.
//!
//! Actions of loggers, of logrotate, of operators and of crashes are data. Random sequences of them are played on a real
//! file system, and what the reader hands out is compared with what a model of the files knows was written. In the
//! default run these are 100,000 actions; `TOCSIN_TAIL_CASES` asks for more sequences, `TOCSIN_TAIL_SEED` for certain ones.

mod reader;
mod world;

use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner};

use reader::Reader;
use world::{Action, Ending, Naming, World};

const CASES: u32 = 500;
/// On average.
const ACTIONS: usize = 200;

fn action() -> impl Strategy<Value = Action> {
    let ending = prop_oneof![Just(Ending::Gz), Just(Ending::Zst), Just(Ending::Zip)];
    prop_oneof![
        12 => (1..6usize, 1..400usize).prop_map(|(lines, length)| Action::Write { lines, length }),
        4 => (1..300usize).prop_map(|length| Action::Part { length }),
        4 => (any::<bool>(), any::<bool>()).prop_map(|(create, late)| Action::Roll { create, late }),
        2 => Just(Action::Reopen),
        2 => Just(Action::CopyTruncate),
        1 => Just(Action::Truncate),
        1 => any::<bool>().prop_map(|create| Action::Remove { create }),
        3 => (0..4usize, ending, any::<bool>()).prop_map(|(at, ending, whole)| Action::Pack { at, ending, whole }),
        1 => (0..3usize).prop_map(|at| Action::Unpack { at }),
        1 => Just(Action::DropOldest),
        1 => Just(Action::RemoveDirectory),
        10 => (1..40usize).prop_map(|steps| Action::Look { steps }),
        6 => Just(Action::Look { steps: usize::MAX }),
        3 => Just(Action::Close),
        4 => Just(Action::Save),
        2 => Just(Action::Crash),
        2 => Just(Action::Restart),
        5 => prop_oneof![Just(50), Just(600), Just(6_000)].prop_map(Action::Wait),
    ]
}

fn naming() -> impl Strategy<Value = Naming> {
    prop_oneof![3 => Just(Naming::NewestIsOne), 1 => Just(Naming::OldestIsOne), 1 => Just(Naming::Dated)]
}

/// What all files of a run begin with: nothing, a short line, or more than a fingerprint.
/// And how much is read at a time: a file that is left in the middle of what all begin with cannot be told from others.
fn banner_with_buffer() -> impl Strategy<Value = (usize, usize)> {
    let buffer = || prop_oneof![Just(700usize), Just(4096), Just(64 * 1024)];
    prop_oneof![
        2 => (Just(0usize), buffer()),
        1 => (Just(20), buffer()),
        1 => (Just(1500), Just(4096)),
    ]
}

fn play(naming: Naming, banner: usize, buffer: usize, actions: &[Action]) -> Result<(), String> {
    let mut world = World::new(naming, banner);
    let mut reader = Reader::new(world.live(), buffer);
    for action in actions {
        match action {
            Action::Look { steps } => reader.look(world.now, *steps),
            Action::Close => reader.close(),
            Action::Save => reader.save(),
            Action::Crash => {
                reader.crash(world.live());
                world.reader_is_gone();
            }
            Action::Restart => {
                reader.save();
                reader.crash(world.live());
                world.reader_is_gone();
            }
            other => world.act(other, &reader),
        }
        world.now += 1;
    }
    for _ in 0..4 {
        reader.look(world.now, usize::MAX);
        world.now += 6_000;
    }
    world.compare(&reader)
}

fn run(cases: u32, actions: usize) {
    let seed = std::env::var("TOCSIN_TAIL_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed: u64 = seed.unwrap_or_else(|| std::process::id().into());
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let config = Config { cases, failure_persistence: None, max_shrink_iters: 20_000, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &bytes));
    let sequence = (naming(), banner_with_buffer(), prop::collection::vec(action(), 1..=2 * actions));
    let outcome = runner.run(&sequence, |(naming, (banner, buffer), actions)| {
        play(naming, banner, buffer, &actions).map_err(TestCaseError::fail)
    });
    if let Err(error) = outcome {
        panic!("TOCSIN_TAIL_SEED={seed}: {error}");
    }
}

#[test]
fn every_line_is_read_once_and_in_order_whatever_happens_to_the_files() {
    let cases = std::env::var("TOCSIN_TAIL_CASES").ok().and_then(|cases| cases.parse().ok());
    run(cases.unwrap_or(CASES), ACTIONS);
}
