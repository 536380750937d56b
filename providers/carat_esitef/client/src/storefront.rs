//! What shops and pages show about Carat before and after paying: texts as data, in three languages.

use std::sync::LazyLock;

use payment::order::Language;

/// What is shown about a method of payment. No logo is published: the brand stands as text.
#[derive(Clone, Debug)]
pub struct Storefront {
    texts: Vec<Row>,
}

/// A question that shoppers ask, with its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Question {
    /// The question.
    pub question: &'static str,
    /// The answer.
    pub answer: &'static str,
}

/// What is shown about Carat.
pub fn storefront() -> &'static Storefront {
    &STOREFRONT
}

impl Storefront {
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

const TABLE: &str = include_str!("../../storefront/texts.tsv");

static STOREFRONT: LazyLock<Storefront> =
    LazyLock::new(|| Storefront { texts: TABLE.lines().skip(1).filter_map(row).collect() });

#[derive(Clone, Copy, Debug)]
struct Row {
    kind: &'static str,
    name: &'static str,
    es: &'static str,
    pt: &'static str,
    en: &'static str,
}

impl Row {
    const fn text(&self, language: Language) -> &'static str {
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Names that are the same in every language.
    const SAME_EVERYWHERE: [&str; 1] = ["brand"];

    #[test]
    fn every_text_is_there_in_every_language_and_is_translated() {
        assert_eq!(storefront().texts.len(), TABLE.lines().count() - 1);
        for row in &storefront().texts {
            let texts = [row.es, row.pt, row.en];
            assert!(texts.iter().all(|text| !text.is_empty()), "{}", row.name);
            if !SAME_EVERYWHERE.contains(&row.name) {
                assert!(row.es != row.pt && row.pt != row.en && row.es != row.en, "{}", row.name);
            }
        }
    }

    #[test]
    fn every_question_is_followed_by_its_own_answer() {
        let names = |kind| {
            let rows = storefront().texts.iter().filter(move |row| row.kind == kind);
            rows.map(|row| row.name).collect::<Vec<_>>()
        };
        assert_eq!(names("question"), names("answer"));
        assert!(storefront().questions(Language::Es).count() >= 5);
        assert!(storefront().questions(Language::Pt).all(|asked| asked.question.ends_with('?')));
        let mentions = storefront().questions(Language::En).any(|asked| asked.answer.contains("Carat"));
        assert!(mentions);
    }

    #[test]
    fn the_labels_and_steps_that_pages_use_are_there() {
        for name in ["brand", "method", "pay", "before_paying", "after_paying"] {
            assert!(storefront().label(name, Language::Es).is_some(), "{name}");
        }
        assert_eq!(storefront().label("otra", Language::Es), None);
        assert!(storefront().how_to_pay(Language::En).count() >= 3);
    }
}
