//! What shops and pages show about Carat before and after paying: texts as data. No logo is published: the brand stands
//! as text.

use std::sync::LazyLock;

use payment::Storefront;

const TABLE: &str = include_str!("../../storefront/texts.tsv");

static STOREFRONT: LazyLock<Storefront> = LazyLock::new(|| Storefront::read(TABLE));

/// What is shown about Carat.
pub fn storefront() -> &'static Storefront {
    &STOREFRONT
}

#[cfg(test)]
mod tests {
    use payment::order::Language;

    use super::*;

    /// Names that are the same in every language.
    const SAME_EVERYWHERE: [&str; 1] = ["brand"];

    #[test]
    fn every_text_is_there_in_every_language_and_is_translated() {
        assert_eq!(storefront().rows().len(), TABLE.lines().count() - 1);
        for row in storefront().rows() {
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
            let rows = storefront().rows().iter().filter(move |row| row.kind == kind);
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
