//! A CIP as bars: Code 128 in its set C, two digits a symbol (§10, PE-U46).

/// PE-U46: digits of the number, padded with zeros at its left.
const DIGITS: usize = 14;
/// Modules of white before and after the bars.
const QUIET: usize = 10;
const START_C: usize = 105;
const STOP: &str = "2331112";

/// Widths of bars and gaps, in turn, of the symbols 0 to 105 (ISO/IEC 15417).
const SYMBOLS: [&str; 106] = [
    "212222", "222122", "222221", "121223", "121322", "131222", "122213", "122312", "132212", "221213",
    "221312", "231212", "112232", "122132", "122231", "113222", "123122", "123221", "223211", "221132",
    "221231", "213212", "223112", "312131", "311222", "321122", "321221", "312212", "322112", "322211",
    "212123", "212321", "232121", "111323", "131123", "131321", "112313", "132113", "132311", "211313",
    "231113", "231311", "112133", "112331", "132131", "113123", "113321", "133121", "313121", "211331",
    "231131", "213113", "213311", "213131", "311123", "311321", "331121", "312113", "312311", "332111",
    "314111", "221411", "431111", "111224", "111422", "121124", "121421", "141122", "141221", "112214",
    "112412", "122114", "122411", "142112", "142211", "241211", "221114", "413111", "241112", "134111",
    "111242", "121142", "121241", "114212", "124112", "124211", "411212", "421112", "421211", "212141",
    "214121", "412121", "111143", "111341", "131141", "114113", "114311", "411113", "411311", "113141",
    "114131", "311141", "411131", "211412", "211214", "211232",
];

/// Bars to draw, in modules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Barcode {
    /// The digits that it holds.
    pub digits: String,
    /// Begin and width of each bar.
    pub bars: Vec<(usize, usize)>,
    /// Of all, quiet zones included.
    pub width: usize,
}

/// Draws a CIP's number.
pub fn draw(number: u64) -> Barcode {
    let digits = format!("{number:0DIGITS$}");
    let values: Vec<usize> = digits
        .as_bytes()
        .chunks(2)
        .map(|pair| pair.iter().fold(0, |value, digit| value * 10 + usize::from(digit - b'0')))
        .collect();
    let weighed: usize = values.iter().enumerate().map(|(place, value)| (place + 1) * value).sum();
    let check = (START_C + weighed) % 103;
    let symbols =
        [START_C].into_iter().chain(values).chain([check]).map(|value| SYMBOLS[value]).chain([STOP]);
    let mut bars = Vec::new();
    let mut at = QUIET;
    for widths in symbols {
        for (place, width) in widths.bytes().map(|width| usize::from(width - b'0')).enumerate() {
            if place % 2 == 0 {
                bars.push((at, width));
            }
            at += width;
        }
    }
    Barcode { digits, bars, width: at + QUIET }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads bars back as a scanner does: widths into symbols, symbols into digits, the check at the end.
    fn scan(barcode: &Barcode) -> String {
        let mut modules = vec![false; barcode.width];
        for (begin, width) in &barcode.bars {
            modules[*begin..begin + width].fill(true);
        }
        let bars = &modules[QUIET..barcode.width - QUIET];
        let runs: Vec<String> =
            bars.chunk_by(|one, other| one == other).map(|run| run.len().to_string()).collect();
        let (symbols, stop) = runs.split_at(runs.len() - 7);
        assert_eq!(stop.concat(), STOP);
        let values: Vec<usize> = symbols
            .chunks(6)
            .map(|widths| SYMBOLS.iter().position(|known| *known == widths.concat()).expect("a symbol"))
            .collect();
        let [start, pairs @ .., check] = values.as_slice() else { panic!("too few symbols") };
        let sum: usize = pairs.iter().enumerate().map(|(place, value)| (place + 1) * value).sum();
        assert_eq!((*start, (START_C + sum) % 103), (START_C, *check));
        pairs.iter().map(|pair| format!("{pair:02}")).collect()
    }

    #[test]
    fn a_barcode_holds_the_cip_with_zeros_before_it() {
        for (number, digits) in
            [(30_418_826, "00000030418826"), (1, "00000000000001"), (99_999_999_999_999, "99999999999999")]
        {
            let barcode = draw(number);
            assert_eq!((barcode.digits.as_str(), scan(&barcode).as_str()), (digits, digits));
        }
    }

    #[test]
    fn every_symbol_has_eleven_modules_and_a_shape_of_its_own() {
        for (place, widths) in SYMBOLS.iter().enumerate() {
            assert_eq!(widths.bytes().map(|width| u32::from(width - b'0')).sum::<u32>(), 11, "{place}");
            // Bars together have an even number of modules: the standard's own check.
            let bars: u32 = widths.bytes().step_by(2).map(|width| u32::from(width - b'0')).sum();
            assert_eq!(bars % 2, 0, "{place}");
            assert_eq!(SYMBOLS.iter().filter(|other| *other == widths).count(), 1, "{place}");
        }
    }
}
