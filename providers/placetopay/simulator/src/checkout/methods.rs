//! The methods that a site has and a request may name (§6.1, §19).

use super::cards::Brand;

/// A method.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// A card of a brand.
    Card(Brand),
    /// A transfer by PSE.
    Pse,
}

impl Method {
    /// Every method, in the order of the page.
    pub fn all() -> Vec<Self> {
        Brand::ALL.into_iter().map(Self::Card).chain([Self::Pse]).collect()
    }

    /// The merchant's word for it.
    pub fn code(self) -> &'static str {
        match self {
            Self::Card(brand) => brand.method(),
            Self::Pse => "pse",
        }
    }

    /// The method of a code, or of an old franchise code.
    pub fn of_code(code: &str) -> Option<Self> {
        match code {
            "pse" | "_PSE_" => Some(Self::Pse),
            code => Brand::of_method(code).map(Self::Card),
        }
    }

    /// The brands among methods.
    pub fn brands(methods: &[Self]) -> Vec<Brand> {
        let brand = |method: &Self| match method {
            Self::Card(brand) => Some(*brand),
            Self::Pse => None,
        };
        methods.iter().filter_map(brand).collect()
    }
}
