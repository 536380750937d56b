//! What shops and pages show about a provider before and after paying: texts as data, in three languages.

use crate::order::Language;

/// What is shown about a provider.
#[derive(Clone, Debug)]
pub struct Storefront {
    texts: Vec<Row>,
}

/// A question that shoppers ask, with its answer (AV-12.5-02, AV-12.5-03).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Question {
    /// The question.
    pub question: &'static str,
    /// The answer.
    pub answer: &'static str,
}

/// One text: what it is (`label`, `step`, `question`, `answer`), its name, and its languages.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// `label`, `step`, `question` or `answer`.
    pub kind: &'static str,
    /// Its name among those of its kind.
    pub name: &'static str,
    /// Spanish.
    pub es: &'static str,
    /// Portuguese.
    pub pt: &'static str,
    /// English.
    pub en: &'static str,
}

impl Storefront {
    /// Reads a table of texts: a line each below its heading, cells between tabs: kind, name, Spanish, Portuguese,
    /// English.
    pub fn read(table: &'static str) -> Self {
        Self { texts: table.lines().skip(1).filter_map(row).collect() }
    }

    /// All texts.
    pub fn rows(&self) -> &[Row] {
        &self.texts
    }

    /// A label by its name: `brand`, `method`, `pay`, `before_paying`, `after_paying`. Nothing for another name.
    pub fn label(&self, name: &str, language: Language) -> Option<&'static str> {
        self.texts.iter().find(|row| row.kind == "label" && row.name == name).map(|row| row.text(language))
    }

    /// How to pay, one sentence a step.
    pub fn how_to_pay(&self, language: Language) -> impl Iterator<Item = &'static str> {
        self.texts.iter().filter(|row| row.kind == "step").map(move |row| row.text(language))
    }

    /// The questions with their answers.
    pub fn questions(&self, language: Language) -> impl Iterator<Item = Question> {
        let of_kind = |kind| self.texts.iter().filter(move |row| row.kind == kind);
        of_kind("question").zip(of_kind("answer")).map(move |(question, answer)| Question {
            question: question.text(language),
            answer: answer.text(language),
        })
    }
}

impl Row {
    /// The text in a language.
    pub const fn text(&self, language: Language) -> &'static str {
        match language {
            Language::Es => self.es,
            Language::Pt => self.pt,
            Language::En => self.en,
        }
    }
}

fn row(line: &'static str) -> Option<Row> {
    let mut cells = line.split('\t');
    let (kind, name) = (cells.next()?, cells.next()?);
    let (es, pt, en) = (cells.next()?, cells.next()?, cells.next()?);
    Some(Row { kind, name, es, pt, en })
}
