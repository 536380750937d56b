//! What the shop sells, and the sums of a cart. Everything on sale is invented.

use crate::language::Language;
use crate::market::Market;

/// Most pieces of one product in a cart.
pub const MAX_QUANTITY: u32 = 9;

/// Something on sale.
#[derive(Debug)]
pub struct Product {
    /// Stock number, part of addresses and of the order's lines.
    pub sku: &'static str,
    /// Its picture among the shop's assets.
    pub picture: &'static str,
    /// Price of one before tax, in minor units of each market's money, in the order of [`Market::ALL`].
    nets: [i64; 6],
    names: [&'static str; 3],
    descriptions: [&'static str; 3],
}

/// The products, in the order of the page.
pub static PRODUCTS: [Product; 6] = [
    Product {
        sku: "MOR-100",
        nets: [10_000_000, 10_000, 2_600, 24_000, 50_000, 15_000],
        picture: "/assets/morral.svg",
        names: ["Morral Imaginario", "Mochila Imaginária", "Imaginary backpack"],
        descriptions: [
            "Para viajes que aún no existen.",
            "Para viagens que ainda não existem.",
            "For journeys that do not exist yet.",
        ],
    },
    Product {
        sku: "CAF-042",
        nets: [4_200_000, 4_200, 1_100, 9_900, 20_000, 6_000],
        picture: "/assets/cafe.svg",
        names: ["Café Nube de Prueba, 500 g", "Café Nuvem de Teste, 500 g", "Test Cloud coffee, 500 g"],
        descriptions: [
            "Tueste medio, notas de ejemplo.",
            "Torra média, notas de exemplo.",
            "Medium roast, notes of example.",
        ],
    },
    Product {
        sku: "TAZ-025",
        nets: [2_500_000, 2_500, 650, 6_000, 12_500, 3_500],
        picture: "/assets/taza.svg",
        names: ["Taza Ejemplar", "Caneca Exemplar", "Exemplary mug"],
        descriptions: [
            "Cerámica que nadie ha visto romperse.",
            "Cerâmica que ninguém viu quebrar.",
            "Ceramics that nobody has seen break.",
        ],
    },
    Product {
        sku: "LIB-018",
        nets: [1_800_000, 1_800, 480, 4_300, 10_000, 2_500],
        picture: "/assets/libreta.svg",
        names: ["Libreta Ficticia", "Caderno Fictício", "Fictional notebook"],
        descriptions: ["Cien hojas en blanco.", "Cem folhas em branco.", "A hundred blank pages."],
    },
    Product {
        sku: "LAM-065",
        nets: [6_500_000, 6_500, 1_700, 15_600, 32_500, 9_500],
        picture: "/assets/lampara.svg",
        names: ["Lámpara de Ensayo", "Luminária de Ensaio", "Rehearsal lamp"],
        descriptions: [
            "Ilumina lo justo para leer la factura.",
            "Ilumina o bastante para ler a fatura.",
            "Lights just enough to read the bill.",
        ],
    },
    Product {
        sku: "PLA-030",
        nets: [3_050_000, 3_050, 800, 7_300, 15_000, 4_500],
        picture: "/assets/planta.svg",
        names: ["Planta Hipotética", "Planta Hipotética", "Hypothetical plant"],
        descriptions: [
            "No pide agua; tampoco crece.",
            "Não pede água; tampouco cresce.",
            "Asks for no water, and does not grow.",
        ],
    },
];

impl Product {
    /// Its name.
    pub const fn name(&self, language: Language) -> &'static str {
        language.pick(&self.names)
    }

    /// What it is.
    pub const fn description(&self, language: Language) -> &'static str {
        language.pick(&self.descriptions)
    }

    /// Price of one before tax, in minor units.
    pub const fn net(&self, market: Market) -> i64 {
        self.nets[market.place()]
    }

    /// Tax of one, in minor units.
    pub const fn tax(&self, market: Market) -> i64 {
        market.tax_on(self.net(market))
    }

    /// What a shopper pays for one, in minor units.
    pub const fn gross(&self, market: Market) -> i64 {
        self.net(market) + self.tax(market)
    }
}

/// A product by stock number.
pub fn product(sku: &str) -> Option<&'static Product> {
    PRODUCTS.iter().find(|product| product.sku == sku)
}

/// A line of a cart.
#[derive(Clone, Copy, Debug)]
pub struct Line {
    /// What.
    pub product: &'static Product,
    /// How many, 1 to [`MAX_QUANTITY`].
    pub quantity: u32,
}

impl Line {
    /// What the line costs, tax included, in minor units.
    pub fn gross(&self, market: Market) -> i64 {
        self.product.gross(market) * i64::from(self.quantity)
    }
}

/// What a shopper wants, at most one line per product.
#[derive(Clone, Debug, Default)]
pub struct Cart {
    lines: Vec<Line>,
}

/// The sums of a cart, in minor units: `net + tax = gross`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Totals {
    /// Before tax: what the tax is computed on.
    pub net: i64,
    /// The sales tax.
    pub tax: i64,
    /// To be paid.
    pub gross: i64,
}

impl Cart {
    /// The lines.
    pub fn lines(&self) -> &[Line] {
        &self.lines
    }

    /// Whether there is nothing to pay.
    pub const fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// How many pieces are in it.
    pub fn count(&self) -> u32 {
        self.lines.iter().map(|line| line.quantity).sum()
    }

    /// Sets how many of a product are wanted, at most [`MAX_QUANTITY`]; none takes it out.
    pub fn set(&mut self, product: &'static Product, quantity: u32) {
        let quantity = quantity.min(MAX_QUANTITY);
        let known = self.lines.iter_mut().find(|line| line.product.sku == product.sku);
        match known {
            Some(line) => line.quantity = quantity,
            None => self.lines.push(Line { product, quantity }),
        }
        self.lines.retain(|line| line.quantity > 0);
    }

    /// Adds pieces of a product to those already wanted.
    pub fn add(&mut self, product: &'static Product, quantity: u32) {
        let known = self.lines.iter().find(|line| line.product.sku == product.sku);
        let wanted = known.map_or(0, |line| line.quantity).saturating_add(quantity);
        self.set(product, wanted);
    }

    /// The sums.
    pub fn totals(&self, market: Market) -> Totals {
        let sum = |price: fn(&Product, Market) -> i64| -> i64 {
            self.lines.iter().map(|line| price(line.product, market) * i64::from(line.quantity)).sum()
        };
        let (net, tax) = (sum(Product::net), sum(Product::tax));
        Totals { net, tax, gross: net + tax }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cart_adds_up_and_keeps_one_line_per_product() {
        let mut cart = Cart::default();
        cart.add(&PRODUCTS[0], 1);
        cart.add(&PRODUCTS[3], 2);
        cart.add(&PRODUCTS[3], 1);
        assert_eq!(cart.count(), 4);
        let expected = Totals { net: 15_400_000, tax: 2_926_000, gross: 18_326_000 };
        assert_eq!(cart.totals(Market::Colombia), expected);
        cart.set(&PRODUCTS[3], 0);
        assert_eq!(cart.lines().len(), 1);
        assert_eq!(cart.totals(Market::Colombia).gross, 11_900_000);
    }

    #[test]
    fn no_line_grows_beyond_its_limit() {
        let mut cart = Cart::default();
        cart.add(&PRODUCTS[1], 7);
        cart.add(&PRODUCTS[1], u32::MAX);
        assert_eq!(cart.count(), MAX_QUANTITY);
    }

    #[test]
    fn what_costs_mexican_pesos_costs_whole_ones() {
        for product in &PRODUCTS {
            assert_eq!(product.gross(Market::Mexico) % 100, 0, "{}", product.sku);
        }
    }

    #[test]
    fn stock_numbers_are_unique_and_prices_positive() {
        for product in &PRODUCTS {
            for market in Market::ALL {
                assert!(product.net(market) > 0, "{} {market:?}", product.sku);
            }
            let found = super::product(product.sku).map(|found| found.names);
            assert_eq!(found, Some(product.names));
        }
    }
}
