//! What is wrong with a pattern file, where, and what to write instead.
//!
//! Checking goes on after an error, as a compiler's does: all of it is collected here and shown at once.

use std::ops::Range;

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};

/// A pattern file as it was read.
#[derive(Clone, Debug)]
pub struct Source {
    pub name: String,
    pub text: String,
    /// Part of the binary: a user's entry of the same name replaces its entries.
    pub builtin: bool,
}

/// A place in one of the sources.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    pub source: SourceId,
    pub range: Range<usize>,
}

/// The index of a source in the list that was loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SourceId(pub usize);

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Gravity {
    Error,
    Warning,
}

#[derive(Clone, Debug)]
pub struct Diagnostic {
    pub gravity: Gravity,
    pub title: String,
    pub span: Span,
    pub label: String,
    pub also: Option<(Span, String)>,
    pub help: Option<String>,
}

impl Diagnostic {
    pub fn error(span: &Span, title: impl Into<String>, label: impl Into<String>) -> Diagnostic {
        Diagnostic {
            gravity: Gravity::Error,
            title: title.into(),
            span: span.clone(),
            label: label.into(),
            also: None,
            help: None,
        }
    }

    pub fn warning(span: &Span, title: impl Into<String>, label: impl Into<String>) -> Diagnostic {
        Diagnostic { gravity: Gravity::Warning, ..Diagnostic::error(span, title, label) }
    }

    pub fn help(mut self, help: impl Into<String>) -> Diagnostic {
        self.help = Some(help.into());
        self
    }

    pub fn also(mut self, span: &Span, label: impl Into<String>) -> Diagnostic {
        self.also = Some((span.clone(), label.into()));
        self
    }

    /// As a compiler shows it: title, file, line, column, the lines themselves, and the remedy.
    pub fn render(&self, sources: &[Source], coloured: bool) -> String {
        let renderer = if coloured { Renderer::styled() } else { Renderer::plain() };
        let level = match self.gravity {
            Gravity::Error => Level::ERROR,
            Gravity::Warning => Level::WARNING,
        };
        let snippet = |span: &Span, kind: AnnotationKind, label: &str| {
            let source = &sources[span.source.0];
            let end = span.range.end.min(source.text.len());
            let range = span.range.start.min(end)..end;
            Snippet::source(source.text.clone())
                .path(source.name.clone())
                .annotation(kind.span(range).label(label.to_owned()))
        };
        let group = level.primary_title(self.title.clone());
        let mut main = snippet(&self.span, AnnotationKind::Primary, &self.label);
        let mut elsewhere = None;
        if let Some((span, label)) = &self.also {
            if span.source == self.span.source {
                main = main.annotation(AnnotationKind::Context.span(span.range.clone()).label(label.clone()));
            } else {
                elsewhere = Some(snippet(span, AnnotationKind::Context, label));
            }
        }
        let mut report = group.element(main);
        if let Some(other) = elsewhere {
            report = report.element(other);
        }
        if let Some(help) = &self.help {
            report = report.element(Level::HELP.message(help.clone()));
        }
        renderer.render(&[report])
    }
}

/// Several of them, one below the other.
pub fn render_all(found: &[Diagnostic], sources: &[Source], coloured: bool) -> String {
    found.iter().map(|d| d.render(sources, coloured)).collect::<Vec<_>>().join("\n\n")
}

/// The known word nearest to a wrong one, if one is near enough to have been meant.
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    known
        .into_iter()
        .map(|k| (strsim::damerau_levenshtein(&word.to_lowercase(), &k.to_lowercase()), k))
        .filter(|(distance, k)| *distance <= (k.len().max(word.len()) / 3).max(1))
        .min()
        .map(|(_, k)| k)
}

/// "did you mean …", or else the list of what there is, if that is short.
pub fn suggest<'a>(word: &str, known: impl IntoIterator<Item = &'a str> + Clone) -> String {
    if let Some(near) = nearest(word, known.clone()) {
        return format!("did you mean `{near}`?");
    }
    let all: Vec<&str> = known.into_iter().collect();
    match all.len() {
        0 => "there is none at all: define it first".to_owned(),
        1..=12 => format!("known here: {}", all.iter().map(|k| format!("`{k}`")).collect::<Vec<_>>().join(", ")),
        n => format!("none of the {n} known names is near it"),
    }
}
