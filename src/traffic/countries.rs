//! Countries by their codes.

use std::collections::HashMap;
use std::sync::LazyLock;

/// Lines of a code and a name.
const COUNTRIES: &str = include_str!("data/countries.tsv");

static NAMES: LazyLock<HashMap<&str, &str>> = LazyLock::new(|| {
    let lines = COUNTRIES.lines();
    lines.filter_map(|line| line.split_once('\t')).collect()
});

/// The English name of a country by its code of two letters.
pub fn country_name(code: &str) -> Option<&'static str> {
    NAMES.get(code).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_countries() {
        assert_eq!(country_name("DE"), Some("Germany"));
        assert_eq!(country_name("ZZ"), None);
        assert_eq!(NAMES.len(), COUNTRIES.lines().count());
    }
}
