//! From where the provider sends its notices, as data: each environment by the host of its own API (PROTOCOL.md 1.1, 1.5).

use std::net::IpAddr;

use url::Url;

/// The addresses that notices of an account come from whose provider listens at `base_url`. Empty for an address that is
/// not the provider's own, such as a sandbox's.
pub fn notice_addresses(base_url: &Url) -> impl Iterator<Item = IpAddr> {
    rows().filter(|(host, _)| base_url.host_str() == Some(host)).map(|(_, address)| address)
}

const TABLE: &str = include_str!("notice_addresses.tsv");

fn rows() -> impl Iterator<Item = (&'static str, IpAddr)> {
    TABLE.lines().skip(1).filter_map(|line| {
        let mut cells = line.split('\t');
        Some((cells.next()?, cells.next()?.parse().ok()?))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses_of(base_url: &str) -> Vec<String> {
        let base_url = base_url.parse().expect("an address");
        notice_addresses(&base_url).map(|address| address.to_string()).collect()
    }

    #[test]
    fn each_environment_has_exactly_its_own_addresses() {
        let production = addresses_of("https://services.pagoefectivo.pe/");
        assert_eq!(production, ["52.7.185.65", "35.169.242.145", "34.196.98.7"]);
        let test = addresses_of("https://pre1a.services.pagoefectivo.pe");
        assert_eq!(test, ["52.41.2.36", "54.203.44.193"]);
        assert!(addresses_of("http://127.0.0.1:9000").is_empty());
        assert_eq!(rows().count(), TABLE.lines().count() - 1);
    }
}
