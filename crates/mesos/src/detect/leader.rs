//! Which of the masters in ZooKeeper leads, and what it says of itself. Pure.
//!
//! Source: `Group`, `LeaderDetector` and `ZooKeeperMasterDetectorProcess` of Mesos 1.11.0.

use std::net::{IpAddr, Ipv4Addr};

use serde_json::Value;
use url::Url;

use crate::master::Master;

/// How the nodes of masters begin since Mesos 0.24.
#[doc(alias = "MASTER_INFO_JSON_LABEL")]
pub const LABEL: &str = "json.info_";

/// The node of the master that leads: the one with the lowest sequence number. Other
/// children, such as `log_replicas`, are no masters.
///
/// ```
/// use mesos::detect::leader;
/// let children = ["log_replicas", "json.info_0000000010", "json.info_0000000009"];
/// assert_eq!(leader::among(children), Some("json.info_0000000009"));
/// ```
pub fn among<'a>(children: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let numbered = |name: &'a str| {
        let number: i64 = name.strip_prefix(LABEL)?.parse().ok()?;
        Some((number, name))
    };
    children.into_iter().filter_map(numbered).min().map(|(_, name)| name)
}

/// The address in a node's content, a `MasterInfo` as JSON.
///
/// By http it is the address and port that the master listens on. By https it is the host
/// name, if there is one, as certificates name hosts.
///
/// # Errors
///
/// When it has no address; a sentence says what is missing.
pub fn address(content: &[u8], https: bool) -> Result<Master, String> {
    let info: Value = serde_json::from_slice(content).map_err(|error| error.to_string())?;
    let port = port(&info).ok_or("it has no port")?;
    let host =
        if https { name(&info).or_else(|| ip(&info)) } else { ip(&info).or_else(|| name(&info)) };
    let host = host.ok_or("it has neither an address nor a host name")?;
    let scheme = if https { "https" } else { "http" };
    let url = Url::parse(&format!("{scheme}://{host}:{port}/"));
    url.map(Master::at).map_err(|error| format!("{host}:{port} is no address ({error})"))
}

fn port(info: &Value) -> Option<u16> {
    let port = info.pointer("/address/port").or_else(|| info.get("port"))?;
    u16::try_from(port.as_u64()?).ok().filter(|port| *port > 0)
}

fn name(info: &Value) -> Option<String> {
    let name = info.pointer("/address/hostname").or_else(|| info.get("hostname"))?;
    name.as_str().filter(|name| !name.is_empty()).map(str::to_owned)
}

fn ip(info: &Value) -> Option<String> {
    let ip = match info.pointer("/address/ip").and_then(Value::as_str) {
        Some(text) => text.parse().ok()?,
        None => IpAddr::V4(old_ip(info)?),
    };
    Some(match ip {
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => format!("[{ip}]"),
    })
}

/// The number whose bytes in memory are the address, as x86 sees it.
fn old_ip(info: &Value) -> Option<Ipv4Addr> {
    let number = u32::try_from(info.get("ip")?.as_u64()?).ok()?;
    Some(Ipv4Addr::from(number.to_le_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lowest_number_leads() {
        let all = ["json.info_0000000007", "json.info_0000000012", "json.info_0000000003"];
        assert_eq!(among(all), Some("json.info_0000000003"));
    }

    #[test]
    fn numbers_are_compared_as_numbers() {
        assert_eq!(among(["json.info_10", "json.info_9"]), Some("json.info_9"));
        assert_eq!(
            among(["json.info_2147483647", "json.info_-2147483648"]),
            Some("json.info_-2147483648"),
            "ZooKeeper counts with 32 bits and a sign"
        );
    }

    #[test]
    fn other_children_are_no_masters() {
        let others = [
            "log_replicas",
            "info_0000000001",
            "0000000000",
            "json.info_",
            "json.info_x",
            "xjson.info_0000000001",
            "json.info_0000000002_x",
        ];
        assert_eq!(among(others), None);
        assert_eq!(among(others.into_iter().chain([LABEL, "json.info_5"])), Some("json.info_5"));
        assert_eq!(among([]), None);
    }

    /// As a master of 1.11.0 writes it, with a capability that is not in the v1 enum.
    const INFO: &str = r#"{"address":{"hostname":"m1.example","ip":"10.141.141.10","port":5050},
        "capabilities":[{"type":"AGENT_UPDATE"},{"type":"QUOTA_V2"}],"hostname":"m1.example",
        "id":"5d1c9d21-51a1-45a0-b4ba-1a2e8fd8e2aa","ip":177048842,
        "pid":"master@10.141.141.10:5050","port":5050,"version":"1.11.0"}"#;

    fn url(content: &str, https: bool) -> String {
        address(content.as_bytes(), https).unwrap().to_string()
    }

    #[test]
    fn the_address_is_read_from_what_a_master_announces() {
        assert_eq!(url(INFO, false), "10.141.141.10:5050");
        assert_eq!(url(INFO, true), "https://m1.example:5050");
    }

    #[test]
    fn old_and_new_fields_do() {
        assert_eq!(url(r#"{"ip":177048842,"port":5050}"#, false), "10.141.141.10:5050");
        assert_eq!(url(r#"{"hostname":"h","port":1}"#, false), "h:1");
        assert_eq!(url(r#"{"address":{"ip":"::1","port":1}}"#, false), "[::1]:1");
        assert_eq!(url(r#"{"address":{"ip":"10.0.0.1","port":1}}"#, true), "https://10.0.0.1:1");
    }

    #[test]
    fn what_is_no_master_says_why() {
        for (content, why) in [
            ("", "EOF"),
            ("[]", "no port"),
            (r#"{"ip":1,"port":0}"#, "no port"),
            (r#"{"ip":1,"port":99999}"#, "no port"),
            (r#"{"port":5050}"#, "neither an address"),
            (r#"{"address":{"ip":"nowhere","port":1}}"#, "neither an address"),
            (r#"{"hostname":"a b","port":1}"#, "no address"),
        ] {
            let error = address(content.as_bytes(), false).unwrap_err();
            assert!(error.contains(why), "{content}: {error}");
        }
    }
}
