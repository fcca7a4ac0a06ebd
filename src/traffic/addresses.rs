//! Networks of addresses.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The network of an address: `192.0.2.0/24` of `192.0.2.7`. Without `bits` 24 for IPv4 and 48 for
/// IPv6, which is what a customer usually has. `None` for what is no address, and for more bits than it has.
pub fn ip_prefix(address: &str, bits: Option<u8>) -> Option<String> {
    match address.parse::<IpAddr>().ok()?.to_canonical() {
        IpAddr::V4(address) => {
            let bits = Some(bits.unwrap_or(24)).filter(|bits| *bits <= 32)?;
            let mask = u32::MAX.checked_shl(32 - u32::from(bits)).unwrap_or(0);
            let network = Ipv4Addr::from(u32::from(address) & mask);
            Some(format!("{network}/{bits}"))
        }
        IpAddr::V6(address) => {
            let bits = Some(bits.unwrap_or(48)).filter(|bits| *bits <= 128)?;
            let mask = u128::MAX.checked_shl(128 - u32::from(bits)).unwrap_or(0);
            let network = Ipv6Addr::from(u128::from(address) & mask);
            Some(format!("{network}/{bits}"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks() {
        for (address, bits, network) in [
            ("192.0.2.77", None, Some("192.0.2.0/24")),
            ("192.0.2.77", Some(0), Some("0.0.0.0/0")),
            ("192.0.2.77", Some(32), Some("192.0.2.77/32")),
            ("192.0.2.77", Some(33), None),
            ("::ffff:192.0.2.77", None, Some("192.0.2.0/24")),
            ("2001:db8:1:2::3", None, Some("2001:db8:1::/48")),
            ("2001:db8:1:2::3", Some(0), Some("::/0")),
            ("2001:db8:1:2::3", Some(128), Some("2001:db8:1:2::3/128")),
            ("-", None, None),
            ("192.0.2", None, None),
        ] {
            assert_eq!(ip_prefix(address, bits).as_deref(), network);
        }
    }
}
