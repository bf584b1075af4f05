//! Which URLs and which addresses are allowed.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use proptest::prelude::*;

use crate::client::literal;
use crate::{Policy, Url, UrlError};

fn public() -> Policy {
    Policy::default()
}

fn local() -> Policy {
    Policy::from_setting("127.0.0.0/8, ::1").unwrap()
}

#[test]
fn an_address_that_is_not_on_the_public_internet_is_refused_in_every_spelling() {
    let refused = [
        "0.0.0.0",
        "0.1.2.3",
        "10.0.0.1",
        "10.255.255.255",
        "100.64.0.1",
        "100.127.255.255",
        "127.0.0.1",
        "127.255.255.254",
        "169.254.0.1",
        "169.254.169.254",
        "169.254.170.2",
        "172.16.0.1",
        "172.31.255.255",
        "192.0.0.8",
        "192.0.0.170",
        "192.0.2.1",
        "192.88.99.1",
        "192.168.1.1",
        "198.18.0.1",
        "198.19.255.255",
        "198.51.100.7",
        "203.0.113.9",
        "224.0.0.1",
        "239.255.255.250",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::127.0.0.1",
        "::8.8.8.8",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "::ffff:8.8.8.8",
        "::ffff:0:127.0.0.1",
        "64:ff9b::127.0.0.1",
        "64:ff9b::8.8.8.8",
        "64:ff9b:1::1",
        "100::1",
        "2001::1",
        "2001:2::1",
        "2001:10::1",
        "2001:20::1",
        "2001:db8::1",
        "2002:7f00:1::1",
        "2002:808:808::1",
        "3fff::1",
        "5f00::1",
        "fc00::1",
        "fd00:ec2::254",
        "fe80::1",
        "fec0::1",
        "ff02::1",
        "ff0e::1",
        "4000::1",
        "e000::1",
    ];
    for text in refused {
        let address: IpAddr = text.parse().unwrap();
        assert!(!public().allows(address, true), "{text}");
        let host = if address.is_ipv6() { format!("[{text}]") } else { text.to_owned() };
        assert_eq!(Url::parse(&format!("https://{host}/"), &public()), Err(UrlError::NotPublic), "{text}");
    }
}

#[test]
fn public_addresses_and_their_neighbours_of_special_ones_are_allowed() {
    let allowed = [
        "1.1.1.1",
        "8.8.8.8",
        "9.255.255.255",
        "11.0.0.0",
        "100.63.255.255",
        "100.128.0.0",
        "126.255.255.255",
        "128.0.0.1",
        "169.253.255.255",
        "169.255.0.0",
        "172.15.255.255",
        "172.32.0.0",
        "192.0.1.0",
        "192.0.3.0",
        "192.88.98.255",
        "192.167.255.255",
        "192.169.0.0",
        "198.17.255.255",
        "198.20.0.0",
        "198.51.99.255",
        "198.51.101.0",
        "203.0.112.255",
        "203.0.114.0",
        "223.255.255.255",
        "2001:200::1",
        "2001:4860:4860::8888",
        "2001:db7::1",
        "2001:db9::1",
        "2003::1",
        "2606:4700:4700::1111",
        "3ffe::1",
    ];
    for text in allowed {
        let address: IpAddr = text.parse().unwrap();
        assert!(public().allows(address, true), "{text}");
        assert!(!public().allows(address, false), "{text} by plain http");
    }
}

#[test]
fn what_is_on_the_list_is_allowed_and_nothing_else_becomes_so() {
    for text in ["127.0.0.1", "127.9.9.9", "::1"] {
        let address = text.parse().unwrap();
        assert!(local().allows(address, false) && local().allows(address, true), "{text}");
    }
    for text in ["10.0.0.1", "::2", "::ffff:127.0.0.1", "169.254.169.254"] {
        assert!(!local().allows(text.parse().unwrap(), true), "{text}");
    }
    assert!(!local().allows("1.1.1.1".parse().unwrap(), false), "plain http stays at home");
    assert!(Policy::from_setting("0.0.0.0/0").unwrap().allows("10.0.0.1".parse().unwrap(), false));
    assert!(Policy::from_setting("::/0").unwrap().allows("fe80::1".parse().unwrap(), false));
}

#[test]
fn a_setting_that_is_no_list_of_networks_is_refused() {
    for text in ["localhost", "127.0.0.1/33", "::1/129", "127.0.0.1/", "127.0.0.1/-1", "127.0.0.1 ::1", "*"] {
        assert!(Policy::from_setting(text).is_err(), "{text}");
    }
    assert_eq!(Policy::from_setting(" , "), Ok(public()));
}

#[test]
fn a_url_says_what_is_wrong_with_it() {
    let long = format!("https://example.com/{}", "a".repeat(2_048));
    let long_name = format!("https://{}com/", "a.".repeat(130));
    for (text, error) in [
        ("", UrlError::Malformed),
        ("example.com/hooks", UrlError::Malformed),
        ("/hooks", UrlError::Malformed),
        ("https://", UrlError::Malformed),
        ("https:///hooks", UrlError::Malformed),
        ("https://exämple.com/", UrlError::Malformed),
        ("https://example.com/a b", UrlError::Malformed),
        ("https://example.com\\@10.0.0.1/", UrlError::Malformed),
        ("https://example.com/\r\nHost: other", UrlError::Malformed),
        (&long, UrlError::TooLong),
        ("http://example.com/", UrlError::Scheme),
        ("ftp://example.com/", UrlError::Scheme),
        ("file:///etc/passwd", UrlError::Malformed),
        ("https://user@example.com/", UrlError::Userinfo),
        ("https://user:pass@example.com/", UrlError::Userinfo),
        ("https://example.com@10.0.0.1/", UrlError::Userinfo),
        ("https://example.com/#part", UrlError::Fragment),
        ("https://example.com:0/", UrlError::Port),
        ("https://example.com:/", UrlError::Port),
        ("https://localhost/", UrlError::Host),
        ("https://intranet/", UrlError::Host),
        ("https://example.com./", UrlError::Host),
        ("https://.example.com/", UrlError::Host),
        ("https://exam%70le.com/", UrlError::Malformed),
        ("https://-a.example.com/", UrlError::Host),
        (&long_name, UrlError::Host),
        ("https://2130706433/", UrlError::Host),
        ("https://127.1/", UrlError::Host),
        ("https://0177.0.0.1/", UrlError::Host),
        ("https://0x7f.0.0.1/", UrlError::Host),
        ("https://127.0.0.0x1/", UrlError::Host),
        ("https://0x7f000001/", UrlError::Host),
        ("https://127.0.0.1./", UrlError::Host),
        ("https://example.123/", UrlError::Host),
        ("https://[fe80::1%25eth0]/", UrlError::Host),
        ("https://127.0.0.1/", UrlError::NotPublic),
    ] {
        assert_eq!(Url::parse(text, &public()), Err(error), "{text}");
    }
}

#[test]
fn a_url_is_sent_as_it_was_written() {
    let url = Url::parse("https://Hooks.Example.com:8443/in/%C3%A9?a=b&c", &public()).unwrap();
    assert_eq!(url.as_str(), "https://Hooks.Example.com:8443/in/%C3%A9?a=b&c");
    assert_eq!((url.https, url.port, url.authority.as_str()), (true, 8443, "hooks.example.com:8443"));
    assert_eq!(url.target, "/in/%C3%A9?a=b&c");
    let url = Url::parse("https://example.com?a", &public()).unwrap();
    assert_eq!((url.port, url.authority.as_str(), url.target.as_str()), (443, "example.com", "/?a"));
    let url = Url::parse("http://localhost", &local()).unwrap();
    assert_eq!((url.https, url.port, url.target.as_str()), (false, 80, "/"));
}

proptest! {
    /// The standard library's idea of each kind of address, with a table of its own.
    #[test]
    fn what_the_standard_library_calls_special_is_refused(first: [u8; 2], rest: [u8; 2], kind in 0usize..8) {
        let [a, b] = first;
        let [c, d] = rest;
        let octets = match kind {
            0 => [10, b, c, d],
            1 => [127, b, c, d],
            2 => [169, 254, c, d],
            3 => [172, 16 + b % 16, c, d],
            4 => [192, 168, c, d],
            5 => [224 + a % 32, b, c, d],
            6 => [0, b, c, d],
            _ => [a, b, c, d],
        };
        let v4 = Ipv4Addr::from(octets);
        let special = v4.is_private() || v4.is_loopback() || v4.is_link_local() || v4.is_multicast() || v4.is_broadcast()
            || v4.is_documentation() || v4.is_unspecified();
        prop_assert!(!special || !public().allows(v4.into(), true), "{}", v4);
    }

    #[test]
    fn an_ipv4_address_is_never_reached_through_an_ipv6_one(v4: u32, low: u16) {
        let v4 = Ipv4Addr::from(v4);
        let [a, b, c, d] = v4.octets();
        let (high, rest) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
        for v6 in [
            v4.to_ipv6_mapped(),
            Ipv6Addr::new(0, 0, 0, 0, 0, 0, high, rest),
            Ipv6Addr::new(0, 0, 0, 0, 0xffff, 0, high, rest),
            Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, high, rest),
            Ipv6Addr::new(0x64, 0xff9b, 1, low, 0, 0, high, rest),
            Ipv6Addr::new(0x2002, high, rest, low, 0, 0, 0, 1),
            Ipv6Addr::new(0x2001, 0, high, rest, low, low, low, low),
            Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0x5efe, high, rest),
        ] {
            prop_assert!(!public().allows(v6.into(), true), "{}", v6);
        }
    }

    #[test]
    fn what_the_standard_library_calls_special_of_ipv6_is_refused(address: u128, kind in 0u8..5) {
        let low = address >> 16;
        let v6 = Ipv6Addr::from(match kind {
            0 => low | 0xff << 120,
            1 => (low & !(0xffff << 112)) | 0xfe80 << 112,
            2 => (low & !(0xffff << 112)) | 0xfd00 << 112,
            3 => address & 1,
            _ => address,
        });
        let special = v6.is_multicast() || v6.is_unicast_link_local() || v6.is_unique_local() || v6.is_loopback()
            || v6.is_unspecified();
        prop_assert!(!special || !public().allows(v6.into(), true), "{}", v6);
    }

    #[test]
    fn a_url_that_exists_never_names_an_address_that_is_refused(
        host in "(\\[[0-9a-f:.]{2,20}\\]|[0-9a-fx.]{1,16}|[a-z0-9.@:%-]{1,20})", path in "[ -~]{0,12}",
    ) {
        if let Ok(url) = Url::parse(&format!("https://{host}/{path}"), &public()) {
            prop_assert!(literal(&url).is_none_or(|address| public().allows(address, true)), "{}", url);
            prop_assert!(!url.authority.contains('@') && url.target.starts_with('/'));
        }
    }

    #[test]
    fn any_text_is_a_url_or_refused(text in "\\PC{0,80}") {
        let _ = Url::parse(&text, &local());
    }
}
