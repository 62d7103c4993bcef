//! What an address is reached by, and so who else might be there.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// How far away an address is, as far as a grant has to say so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reach {
    /// Anywhere in the world.
    Public,
    /// This machine, or a network that is somebody's own.
    Private,
    /// The link itself, and the services by which clouds tell a machine about itself, its keys among it.
    LinkLocal,
    /// No single server is there: what is sent to it goes nowhere, to many, or by an accident to this machine.
    Nowhere,
}

impl Reach {
    /// Of what kind such an address is, for people.
    pub(crate) fn said(self) -> &'static str {
        match self {
            Reach::Public => "a public address",
            Reach::Private => "an address of this machine or of a private network",
            Reach::LinkLocal => "a link-local address or that of a metadata service",
            Reach::Nowhere => "no address of a server",
        }
    }
}

/// Where clouds tell a machine about itself, outside of the link-local ranges.
const METADATA_V4: [Ipv4Addr; 3] =
    [Ipv4Addr::new(100, 100, 100, 200), Ipv4Addr::new(168, 63, 129, 16), Ipv4Addr::new(192, 0, 0, 192)];
const METADATA_V6: Ipv6Addr = Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254);

pub(crate) fn reach(address: IpAddr) -> Reach {
    match address {
        IpAddr::V4(address) => reach_v4(address),
        IpAddr::V6(address) => match embedded(address) {
            Some(inner) => reach_v4(inner),
            None => reach_v6(address),
        },
    }
}

fn reach_v4(address: Ipv4Addr) -> Reach {
    let [a, b, c, _] = address.octets();
    if address.is_link_local() || METADATA_V4.contains(&address) {
        return Reach::LinkLocal;
    }
    match (a, b, c) {
        (0, ..) | (224.., ..) => Reach::Nowhere,
        (10 | 127, ..) | (172, 16..=31, _) | (192, 168, _) => Reach::Private,
        // Between a provider and its customers; for protocols; for measuring.
        (100, 64..=127, _) | (192, 0, 0) | (198, 18..=19, _) => Reach::Private,
        _ => Reach::Public,
    }
}

fn reach_v6(address: Ipv6Addr) -> Reach {
    let segments = address.segments();
    if address == METADATA_V6 || segments[0] & 0xffc0 == 0xfe80 {
        return Reach::LinkLocal;
    }
    if address.is_unspecified() || address.is_multicast() {
        return Reach::Nowhere;
    }
    let unique_local = segments[0] & 0xfe00 == 0xfc00;
    let site_local = segments[0] & 0xffc0 == 0xfec0;
    // A translator's own prefix, and Teredo, which hides an address of IPv4 in itself.
    let translated = segments[..3] == [0x64, 0xff9b, 1] || segments[..2] == [0x2001, 0];
    if address.is_loopback() || unique_local || site_local || translated {
        return Reach::Private;
    }
    Reach::Public
}

/// The address of IPv4 that one of IPv6 leads to: mapped, compatible, translated (64:ff9b::/96), or 6to4.
fn embedded(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let s = address.segments();
    let inner = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        Some(Ipv4Addr::new(a, b, c, d))
    };
    match s {
        [0, 0, 0, 0, 0, 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => inner(high, low),
        [0, 0, 0, 0, 0, 0, 0, 0 | 1] => None,
        [0, 0, 0, 0, 0, 0, high, low] => inner(high, low),
        [0x2002, high, low, ..] => inner(high, low),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{Reach, reach};

    #[test]
    fn every_range_is_what_it_is() {
        for (kind, addresses) in [
            (
                Reach::Public,
                "1.1.1.1 9.255.255.255 11.0.0.0 100.63.255.255 100.128.0.0 172.15.0.1 172.32.0.1 192.167.0.1 \
                             203.0.113.1 223.255.255.255 2606:4700::1111 ::ffff:1.1.1.1 64:ff9b::1.1.1.1",
            ),
            (
                Reach::Private,
                "10.0.0.1 127.0.0.1 127.255.255.254 172.16.0.1 172.31.255.255 192.168.1.1 100.64.0.1 \
                              100.127.255.255 198.18.0.1 ::1 fc00::1 fdff::1 fec0::1 ::ffff:10.0.0.1 ::ffff:127.0.0.1 \
                              ::127.0.0.1 64:ff9b::10.0.0.1 2002:7f00:1:: 2001::1 64:ff9b:1::1",
            ),
            (
                Reach::LinkLocal,
                "169.254.0.1 169.254.169.254 ::ffff:169.254.169.254 64:ff9b::169.254.169.254 \
                                2002:a9fe:a9fe:: fe80::1 febf::1 fd00:ec2::254 100.100.100.200 168.63.129.16",
            ),
            (
                Reach::Nowhere,
                "0.0.0.0 0.1.2.3 224.0.0.1 239.255.255.255 240.0.0.1 255.255.255.255 :: ff02::1 ::ffff:0.0.0.0 \
                              ::ffff:224.0.0.1",
            ),
        ] {
            for address in addresses.split_whitespace() {
                assert_eq!(reach(address.parse().unwrap()), kind, "{address}");
            }
        }
    }
}
