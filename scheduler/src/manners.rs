//! How executors behave towards the hosts of the images, as set on the command line.

use std::net::IpAddr;

use ipnet::IpNet;
use protocol::Manners;

/// Who asks for the images, unless `--user-agent` says otherwise.
pub const USER_AGENT: &str = concat!("image-inverter/", env!("CARGO_PKG_VERSION"));

/// The operator's own networks, those of a provider's customers included.
const PRIVATE: [&str; 5] =
    ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7"];
/// The agents themselves.
const LOOPBACK: [&str; 2] = ["127.0.0.0/8", "::1/128"];
/// A second, in the unit that tasks carry.
const SECOND_US: f64 = 1_000_000.0;

#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Manners")]
#[expect(missing_docs, reason = "its text would replace the program's own")]
pub struct MannerArguments {
    /// What to call ourselves to the hosts; a way to reach you in it is good style
    #[arg(long, value_name = "TEXT", default_value = USER_AGENT, env = "SCHEDULER_USER_AGENT",
          value_parser = user_agent)]
    pub user_agent: String,

    /// Downloads from one host at once, on each agent; 0 for no limit [default: 8, and no limit
    /// for the agent's own machine]
    #[arg(long, value_name = "N", env = "SCHEDULER_PER_HOST", value_parser = per_host)]
    pub per_host: Option<u32>,

    /// Downloads from one host that may start in a time, on each agent: 2/s, 30/m or 100/h
    #[arg(long, value_name = "N/TIME", env = "SCHEDULER_PER_HOST_RATE", value_parser = interval)]
    pub per_host_rate: Option<Interval>,

    /// Networks that redirects may lead to though they are not public: 10.1.0.0/16, an address,
    /// `private` or `loopback`, with commas between them
    #[arg(long, value_name = "NETWORK,…", env = "SCHEDULER_ALLOW_NET", value_delimiter = ',',
          value_parser = networks)]
    pub allow_net: Vec<Networks>,

    /// Do not trust the list: only public addresses and those of --allow-net are fetched, and
    /// the file server's own samples
    #[arg(long, env = "SCHEDULER_DENY_PRIVATE")]
    pub deny_private: bool,

    /// Whether robots.txt counts. It is made for programs that find their way themselves, and a
    /// list is no such way
    #[arg(long, value_name = "POLICY", default_value = "ignore", env = "SCHEDULER_ROBOTS")]
    pub robots: RobotsTxt,

    /// Whether pictures are left alone whose X-Robots-Tag says noai, noimageai, noml, noindex,
    /// noimageindex or none
    #[arg(long, value_name = "POLICY", default_value = "honor", env = "SCHEDULER_X_ROBOTS_TAG")]
    pub x_robots_tag: RobotsTag,
}

/// What robots.txt is to us.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum RobotsTxt {
    /// It is not asked.
    Ignore,
    /// It is asked once a host, and obeyed.
    Obey,
}

/// What the header X-Robots-Tag is to us.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum RobotsTag {
    /// Pictures that it keeps away from programs are not taken.
    Honor,
    /// Whatever it says, pictures are taken.
    Ignore,
}

/// Time between two starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Interval {
    micros: u64,
}

/// What one word of `--allow-net` stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Networks(Vec<IpNet>);

impl MannerArguments {
    /// The same as tasks carry it.
    #[must_use]
    pub fn for_tasks(&self) -> Manners {
        let networks = self.allow_net.iter().flat_map(|networks| &networks.0);
        Manners {
            allow_net: networks.map(ToString::to_string).collect(),
            deny_private: self.deny_private,
            per_host: self.per_host,
            per_host_interval_us: self.per_host_rate.map_or(0, |interval| interval.micros),
            obey_robots_txt: self.robots == RobotsTxt::Obey,
            ignore_robots_tag: self.x_robots_tag == RobotsTag::Ignore,
        }
    }
}

/// A header that every host would refuse is refused here.
fn user_agent(text: &str) -> Result<String, String> {
    let text = text.trim();
    match text.chars().all(|c| c == ' ' || c.is_ascii_graphic()) {
        true if !text.is_empty() => Ok(text.to_owned()),
        _ => Err("give a name in plain letters, for example my-archive/1.0".into()),
    }
}

fn per_host(text: &str) -> Result<u32, String> {
    text.parse().map_err(|_| "give a number, or 0 for no limit".into())
}

fn interval(text: &str) -> Result<Interval, String> {
    let wrong = || "give a number and a time, for example 2/s, 30/m or 100/h".to_owned();
    let (count, seconds) = match text.split_once('/') {
        Some((count, "s")) => (count, 1.0),
        Some((count, "m")) => (count, 60.0),
        Some((count, "h")) => (count, 3_600.0),
        Some(_) => return Err(wrong()),
        None => (text, 1.0),
    };
    let count: f64 = count.parse().map_err(|_| wrong())?;
    if !(count.is_finite() && (0.001..=1_000_000.0).contains(&count)) {
        return Err(wrong());
    }
    Ok(Interval { micros: (seconds * SECOND_US / count).round() as u64 })
}

fn networks(text: &str) -> Result<Networks, String> {
    let words: Vec<&str> = match text.trim() {
        "private" => PRIVATE.to_vec(),
        "loopback" => LOOPBACK.to_vec(),
        other => vec![other],
    };
    let parsed = words.into_iter().map(network).collect::<Option<_>>();
    parsed.map(Networks).ok_or_else(|| {
        "give a network such as 10.1.0.0/16, an address, `private` or `loopback`".to_owned()
    })
}

fn network(text: &str) -> Option<IpNet> {
    let net: Option<IpNet> = text.parse().ok();
    net.map(|net| net.trunc()).or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Flags {
        #[command(flatten)]
        manners: MannerArguments,
    }

    fn parse(line: &str) -> Result<MannerArguments, String> {
        let words = std::iter::once("scheduler").chain(line.split_whitespace());
        Flags::try_parse_from(words).map(|f| f.manners).map_err(|error| error.to_string())
    }

    #[test]
    fn nothing_said_is_the_default_of_executors() {
        let arguments = parse("").unwrap();
        assert_eq!(arguments.for_tasks(), Manners::default());
        assert!(arguments.user_agent.starts_with("image-inverter/"));
    }

    #[test]
    fn robots_have_their_policies() {
        let manners = parse("--robots obey --x-robots-tag ignore").unwrap().for_tasks();
        assert!(manners.obey_robots_txt && manners.ignore_robots_tag);
        assert!(parse("--robots maybe").err().unwrap().contains("obey"));
    }

    #[test]
    fn networks_are_written_out_for_tasks() {
        let of = |line: &str| parse(line).unwrap().for_tasks().allow_net;
        assert_eq!(of("--allow-net 10.1.2.3/16,fd00::1"), ["10.1.0.0/16", "fd00::1/128"]);
        assert_eq!(
            of("--allow-net loopback --allow-net 10.0.0.1"),
            ["127.0.0.0/8", "::1/128", "10.0.0.1/32"]
        );
        assert_eq!(of("--allow-net private").len(), PRIVATE.len());
    }

    #[test]
    fn rates_become_intervals() {
        let of = |rate: &str| {
            let line = format!("--per-host-rate {rate}");
            parse(&line).map(|arguments| arguments.for_tasks().per_host_interval_us)
        };
        assert_eq!(of("2/s"), Ok(500_000));
        assert_eq!(of("4"), Ok(250_000));
        assert_eq!(of("30/m"), Ok(2_000_000));
        assert_eq!(of("0.5/s"), Ok(2_000_000));
        assert_eq!(of("100/h"), Ok(36_000_000));
    }

    #[test]
    fn values_that_make_no_sense_are_refused_with_a_remedy() {
        for (line, remedy) in [
            ("--allow-net 10.0.0.0/33", "10.1.0.0/16"),
            ("--allow-net intranet", "`private`"),
            ("--per-host-rate 0/s", "30/m"),
            ("--per-host-rate inf", "30/m"),
            ("--per-host-rate 2/day", "30/m"),
            ("--per-host many", "invalid"),
            ("--user-agent \u{e9}", "plain letters"),
        ] {
            let error = parse(line).err().unwrap();
            assert!(error.contains(remedy), "{line}: {error}");
        }
    }
}
