//! The scanner looks at a line only where the text of a signal stands, and reads times only around hits. It must find
//! what one would find that tries each regex on each line and reads each time: see `tocsin::scan::naive`.

mod logs;
mod signals;

use std::sync::Arc;

use proptest::prelude::*;

use tocsin::correlate::{Clock, FamilyId, What};
use tocsin::pattern::stamp::Stamp;
use tocsin::pattern::{Log, Patterns, Zone};
use tocsin::scan::{Lookahead, SavedScanner, Scanner, Seen, Summary, naive};

use logs::{Input, Piece};

/// The pattern file with these signals in the log `l`.
fn patterns(text: &str) -> Patterns {
    text.parse().unwrap_or_else(|wrong| panic!("{wrong}"))
}

fn the_log(patterns: &Patterns) -> &Log {
    patterns.log(patterns.log_named("l").unwrap())
}

fn by_block(patterns: &Patterns, pieces: &[Piece], zone: Zone, lookahead: Lookahead) -> (Vec<Seen>, Summary) {
    let mut out = Vec::new();
    let mut scanner = Scanner::new(patterns, the_log(patterns), Arc::from("f"), zone, lookahead);
    for piece in pieces {
        match piece {
            Piece::Bytes(bytes) => scanner.feed(bytes, &mut out),
            Piece::Hole => scanner.hole(&mut out),
        }
    }
    let summary = scanner.finish(&mut out);
    (out, summary)
}

fn by_line(patterns: &Patterns, pieces: &[Piece], zone: Zone, lookahead: Lookahead) -> (Vec<Seen>, Summary) {
    let mut out = Vec::new();
    let mut scanner = naive::Scanner::new(patterns, the_log(patterns), Arc::from("f"), zone, lookahead);
    for piece in pieces {
        match piece {
            Piece::Bytes(bytes) => scanner.feed(bytes, &mut out),
            Piece::Hole => scanner.hole(&mut out),
        }
    }
    let summary = scanner.finish(&mut out);
    (out, summary)
}

/// Scans as `watch` does, saved and resumed after each piece or not.
fn live(patterns: &Patterns, pieces: &[&[u8]], zone: Zone, restarts: bool) -> (Vec<Seen>, SavedScanner) {
    let (mut out, mut whole, log) = (Vec::new(), Vec::new(), the_log(patterns));
    let mut scanner = Scanner::new(patterns, log, Arc::from("f"), zone, Lookahead::Live);
    for piece in pieces {
        whole.extend_from_slice(piece);
        scanner.feed(piece, &mut out);
        out.extend(scanner.take_orphans().into_iter().map(Seen::Hit));
        if restarts {
            let saved = postcard::to_stdvec(&scanner.save()).unwrap();
            let saved: SavedScanner = postcard::from_bytes(&saved).unwrap();
            let read = usize::try_from(saved.offset).unwrap();
            scanner = Scanner::resume(patterns, log, Arc::from("f"), zone, saved);
            scanner.feed(&whole[read..], &mut out);
        }
    }
    for seen in &mut out {
        if let Seen::Hit(hit) = seen {
            for line in hit.head.iter_mut().chain([&mut hit.line]) {
                line.file = Arc::from("f");
            }
        }
    }
    (out, scanner.save())
}

fn without_ticks(seen: &[Seen]) -> Vec<&Seen> {
    seen.iter().filter(|seen| !matches!(seen, Seen::Tick(_))).collect()
}

/// Finds the same, and returns what the blocks and the lines gave.
fn agree(patterns: &Patterns, input: &Input) -> Result<(Vec<Seen>, Vec<Seen>), TestCaseError> {
    let (blocks, of_blocks) = by_block(patterns, &input.pieces, input.zone, input.lookahead);
    let (lines, of_lines) = by_line(patterns, &input.pieces, input.zone, input.lookahead);
    prop_assert_eq!(without_ticks(&blocks), without_ticks(&lines));
    prop_assert_eq!(&of_blocks.orphans, &of_lines.orphans);
    prop_assert_eq!(&of_blocks.carry, &of_lines.carry);
    prop_assert_eq!((of_blocks.first, of_blocks.last), (of_lines.first, of_lines.last));
    prop_assert_eq!(of_blocks.hole_at_end, of_lines.hole_at_end);
    prop_assert_eq!((of_blocks.lines, of_blocks.bytes), (of_lines.lines, of_lines.bytes));
    prop_assert_eq!((of_blocks.untimed, of_blocks.disbelieved), (of_lines.untimed, of_lines.disbelieved));
    Ok((blocks, lines))
}

/// The instants of hits, as the family's clock tells them.
fn instants(seen: Vec<Seen>, zone: Zone) -> Vec<i64> {
    let mut clock = Clock::new(FamilyId(0), zone);
    clock.begin_file(None, Some(logs::JUNE), &mut Vec::new());
    let mut events = Vec::new();
    seen.into_iter().for_each(|seen| clock.place(seen, &mut events));
    events.iter().filter_map(|e| if let What::Hit(hit) = &e.what { Some(hit.moment.millis) } else { None }).collect()
}

/// No hit behind a tick is older than it, but for the slack.
fn ticks_are_true(seen: &[Seen]) -> Result<(), TestCaseError> {
    for (at, tick) in seen.iter().enumerate() {
        let Seen::Tick(tick) = tick else { continue };
        for later in &seen[at..] {
            if let Seen::Hit(hit) = later
                && let Some(Stamp::Local(t)) = hit.stamp
            {
                prop_assert!(Stamp::Local(t + 1000).behind(*tick).is_none_or(|d| d <= 0), "{tick:?} before {hit:?}");
            }
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(160), ..ProptestConfig::default() })]

    /// Any signals, any bytes, cut anywhere.
    #[test]
    fn anything((patterns_text, input) in signals::any_patterns().prop_flat_map(|p| (Just(p), logs::wild()))) {
        agree(&patterns(&patterns_text), &input)?;
    }

    /// A log as logs are: time goes on, but for threads that are slow, and a wild time now and then.
    #[test]
    fn ordinary_logs((patterns_text, input) in signals::any_patterns().prop_flat_map(|p| (Just(p), logs::ordinary()))) {
        let (blocks, lines) = agree(&patterns(&patterns_text), &input)?;
        ticks_are_true(&blocks)?;
        prop_assert_eq!(instants(blocks, input.zone), instants(lines, input.zone));
    }

    /// Live, a process that is restarted at any place goes on as if it were not.
    #[test]
    fn restarts_change_nothing((patterns_text, input) in signals::any_patterns().prop_flat_map(|p| (Just(p), logs::ordinary()))) {
        let patterns = patterns(&patterns_text);
        let bytes: Vec<&[u8]> = input.pieces.iter().filter_map(|p| if let Piece::Bytes(b) = p { Some(&b[..]) } else { None }).collect();
        prop_assert_eq!(live(&patterns, &bytes, input.zone, true), live(&patterns, &bytes, input.zone, false));
    }

    /// Time goes on through hours that occur twice or never.
    #[test]
    fn changes_of_the_offset((patterns_text, input) in signals::any_patterns().prop_flat_map(|p| (Just(p), logs::through_a_change()))) {
        let (blocks, lines) = agree(&patterns(&patterns_text), &input)?;
        prop_assert_eq!(instants(blocks, input.zone), instants(lines, input.zone));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(12), ..ProptestConfig::default() })]

    /// More than a block at once.
    #[test]
    fn large_logs((patterns_text, input) in signals::any_patterns().prop_flat_map(|p| (Just(p), logs::large()))) {
        agree(&patterns(&patterns_text), &input)?;
    }

    #[test]
    fn borders_at_every_position((patterns_text, text, zone) in (signals::any_patterns(), logs::short(), logs::zone())) {
        let patterns = patterns(&patterns_text);
        for cut in 0..=text.len() {
            let pieces = vec![Piece::Bytes(text[..cut].to_vec()), Piece::Bytes(text[cut..].to_vec())];
            agree(&patterns, &Input { pieces, zone, lookahead: Lookahead::File })?;
        }
        let pieces = text.chunks(1).map(|byte| Piece::Bytes(byte.to_vec())).collect();
        agree(&patterns, &Input { pieces, zone, lookahead: Lookahead::File })?;
    }
}

/// `PROPTEST_CASES` asks for more than the usual number.
fn cases(usual: u32) -> u32 {
    std::env::var("PROPTEST_CASES").ok().and_then(|n| n.parse().ok()).map_or(usual, |n: u32| usual * n.div_ceil(256))
}
