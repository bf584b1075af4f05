//! Which addresses may be connected to.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A setting that is no list of networks.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a network: write them as 127.0.0.0/8 or ::1, with commas between")]
pub struct PolicyError(String);

/// Which addresses may be connected to: those of the public internet by https, and by http or https those on a list,
/// which is for a house on one machine and empty anywhere else.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    listed: Vec<Network>,
}

impl Policy {
    /// Reads the list from a setting such as `127.0.0.0/8,::1`; an empty one lists nothing.
    ///
    /// # Errors
    /// When a part of it is not a network.
    pub fn from_setting(setting: &str) -> Result<Self, PolicyError> {
        let parts = setting.split(',').map(str::trim).filter(|part| !part.is_empty());
        let network = |part: &str| Network::parse(part).ok_or_else(|| PolicyError(part.to_owned()));
        Ok(Policy { listed: parts.map(network).collect::<Result<_, _>>()? })
    }

    /// Whether anything may be reached by plain http.
    pub(crate) fn lists_any(&self) -> bool {
        !self.listed.is_empty()
    }

    /// Whether a connection to that address may be made.
    pub(crate) fn allows(&self, address: IpAddr, https: bool) -> bool {
        self.listed.iter().any(|network| network.holds(address)) || (https && is_public(address))
    }
}

/// Addresses that begin with the same bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Network {
    first: IpAddr,
    bits: u32,
}

impl Network {
    fn parse(text: &str) -> Option<Self> {
        let (first, bits) = match text.split_once('/') {
            Some((first, bits)) => (first, Some(bits.parse().ok()?)),
            None => (text, None),
        };
        let first: IpAddr = first.parse().ok()?;
        let most = if first.is_ipv4() { 32 } else { 128 };
        let bits = bits.unwrap_or(most);
        (bits <= most).then_some(Network { first, bits })
    }

    fn holds(self, address: IpAddr) -> bool {
        match (self.first, address) {
            (IpAddr::V4(first), IpAddr::V4(address)) => begins_v4(address, first, self.bits),
            (IpAddr::V6(first), IpAddr::V6(address)) => begins_v6(address, first, self.bits),
            _ => false,
        }
    }
}

/// Shifting by all bits leaves none to compare, which is what a network of everything wants.
fn begins_v4(address: Ipv4Addr, first: Ipv4Addr, bits: u32) -> bool {
    (address.to_bits() ^ first.to_bits()).checked_shr(32 - bits).unwrap_or(0) == 0
}

fn begins_v6(address: Ipv6Addr, first: Ipv6Addr, bits: u32) -> bool {
    (address.to_bits() ^ first.to_bits()).checked_shr(128 - bits).unwrap_or(0) == 0
}

/// What is not the public internet, of the registry of IPv4 addresses with special purposes (RFC 6890) and above them.
const SPECIAL_V4: [(Ipv4Addr, u32); 15] = [
    (Ipv4Addr::new(0, 0, 0, 0), 8),       // this network; on Linux, this machine
    (Ipv4Addr::new(10, 0, 0, 0), 8),      // private
    (Ipv4Addr::new(100, 64, 0, 0), 10),   // shared by the customers of a carrier; a cloud's own services
    (Ipv4Addr::new(127, 0, 0, 0), 8),     // loopback
    (Ipv4Addr::new(169, 254, 0, 0), 16),  // link-local, with the cloud's credentials at 169.254.169.254
    (Ipv4Addr::new(172, 16, 0, 0), 12),   // private
    (Ipv4Addr::new(192, 0, 0, 0), 24),    // protocol assignments
    (Ipv4Addr::new(192, 0, 2, 0), 24),    // documentation
    (Ipv4Addr::new(192, 88, 99, 0), 24),  // relays to IPv6
    (Ipv4Addr::new(192, 168, 0, 0), 16),  // private
    (Ipv4Addr::new(198, 18, 0, 0), 15),   // benchmarks
    (Ipv4Addr::new(198, 51, 100, 0), 24), // documentation
    (Ipv4Addr::new(203, 0, 113, 0), 24),  // documentation
    (Ipv4Addr::new(224, 0, 0, 0), 4),     // multicast
    (Ipv4Addr::new(240, 0, 0, 0), 4),     // reserved, and broadcast
];

/// All that was ever given out of IPv6 to be reached from anywhere. Loopback, private, link-local and multicast addresses lie
/// outside of it, and so do IPv4 addresses written as IPv6 ones (mapped, compatible, NAT64).
const GLOBAL_V6: (Ipv6Addr, u32) = (Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3);

/// What of it has a special purpose.
const SPECIAL_V6: [(Ipv6Addr, u32); 4] = [
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23), // protocol assignments, tunnels, benchmarks
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32), // documentation
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16), // IPv4 addresses in 6to4
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20), // documentation
];

fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => !SPECIAL_V4.iter().any(|&(first, bits)| begins_v4(address, first, bits)),
        IpAddr::V6(address) => {
            begins_v6(address, GLOBAL_V6.0, GLOBAL_V6.1)
                && !SPECIAL_V6.iter().any(|&(first, bits)| begins_v6(address, first, bits))
        }
    }
}
