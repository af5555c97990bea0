//! The container that a task runs in.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::fields::{self, Fault, choice};
use crate::v1::container_info::{self, DockerInfo, MesosInfo, docker_info};
use crate::v1::network_info;
use crate::v1::volume::source::{self, HostPath};
use crate::v1::{
    ContainerInfo, Image, Labels, NetworkInfo, Parameter, Parameters, Volume, image, volume,
};

/// A container, by Mesos' own containerizer or by Docker.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ContainerDefinition {
    /// `mesos` or `docker`. Default: `mesos`.
    #[serde(rename = "type", default)]
    pub kind: ContainerKind,
    /// The image, such as `nginx` or `registry:5000/web`. Default: the agent's own files;
    /// type `docker` needs one.
    #[serde(default)]
    pub image: Option<String>,
    /// The image's tag. Default: what `image` says, else Docker's `latest`.
    #[serde(default)]
    pub tag: Option<String>,
    /// The networks it joins. Default: the agent's.
    #[serde(default, alias = "networks")]
    pub network: Vec<NetworkDefinition>,
    /// What is mounted into it.
    #[serde(default, alias = "volumes")]
    pub volume: Vec<VolumeDefinition>,
}

choice! {
    /// Who makes the container.
    #[derive(Default)]
    ContainerKind {
        /// Mesos' own containerizer, with Docker images too.
        #[default]
        Mesos: "mesos",
        /// The agent's Docker daemon.
        Docker: "docker",
    }
}

/// A network to join.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NetworkDefinition {
    /// The network's name on the agent. Default: the agent's own network.
    #[serde(default)]
    pub name: Option<String>,
    /// Groups, for networks that know them.
    #[serde(default, alias = "groups")]
    pub group: Vec<String>,
    /// Labels for the network's plug-in.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// Addresses that are asked for.
    #[serde(default)]
    pub ipaddress: Vec<IpAddress>,
    /// Ports of the agent that lead into the container.
    #[serde(default)]
    pub port_mapping: Vec<PortMapping>,
}

/// An address that is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IpAddress {
    /// The address. Default: any of the protocol.
    #[serde(default)]
    pub ip: Option<std::net::IpAddr>,
    /// `ipv4` or `ipv6`. Default: what the address is, else `ipv4`.
    #[serde(default)]
    pub protocol: Option<Protocol>,
}

choice! {
    /// Protocols of addresses.
    Protocol {
        /// Four bytes.
        Ipv4: "ipv4",
        /// Sixteen bytes.
        Ipv6: "ipv6",
    }
}

/// A port of the agent that leads into the container.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PortMapping {
    /// The port on the agent.
    #[serde(deserialize_with = "fields::port")]
    pub host_port: u16,
    /// The port in the container.
    #[serde(deserialize_with = "fields::port")]
    pub container_port: u16,
    /// `tcp` or `udp`. Default: `tcp`.
    #[serde(default)]
    pub protocol: Option<String>,
}

/// Something mounted into the container.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VolumeDefinition {
    /// Where it appears.
    pub container_path: String,
    /// A path of the agent. Default: what `source` says.
    #[serde(default)]
    pub host_path: Option<String>,
    /// `rw` or `ro`. Default: `rw`.
    #[serde(default)]
    pub mode: VolumeMode,
    /// Where it comes from, instead of `host_path`.
    #[serde(default)]
    pub source: Option<VolumeSource>,
}

choice! {
    /// Whether a volume can be written.
    #[derive(Default)]
    VolumeMode {
        /// It can.
        #[default]
        ReadWrite: "rw",
        /// It can only be read.
        ReadOnly: "ro",
    }
}

/// Where a volume comes from.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VolumeSource {
    /// `docker_volume` or `host_path`; the part of that name says more.
    #[serde(rename = "type")]
    pub kind: VolumeSourceKind,
    /// For type `docker_volume`.
    #[serde(default)]
    pub docker_volume: Option<DockerVolume>,
    /// For type `host_path`: a path of the agent.
    #[serde(default)]
    pub host_path: Option<String>,
}

choice! {
    /// Kinds of sources of volumes.
    VolumeSourceKind {
        /// A volume of a Docker volume driver.
        DockerVolume: "docker_volume",
        /// A path of the agent.
        HostPath: "host_path",
    }
}

/// A volume of a Docker volume driver.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DockerVolume {
    /// The driver. Default: the agent's.
    #[serde(default)]
    pub driver: Option<String>,
    /// The volume's name.
    pub name: String,
    /// Options of the driver.
    #[serde(default)]
    pub driver_opts: BTreeMap<String, String>,
}

impl ContainerDefinition {
    pub(super) fn check(&self) -> Result<(), Fault> {
        match (&self.image, &self.tag) {
            (None, Some(_)) => {
                return Err(Fault::at("tag", "there is no image that it belongs to"));
            }
            (None, None) if self.kind == ContainerKind::Docker => {
                return Err(Fault::at("image", "is missing: Docker runs nothing without one"));
            }
            (Some(image), _) if image.trim().is_empty() => {
                return Err(Fault::at("image", "is empty"));
            }
            (Some(image), Some(_)) if has_tag(image) => {
                return Err(Fault::at("tag", format!("the image '{image}' names one already")));
            }
            (Some(_) | None, _) => {}
        }
        if self.kind == ContainerKind::Docker && self.network.len() > 1 {
            return Err(Fault::at("network", "Docker joins one network at the start"));
        }
        for (index, network) in self.network.iter().enumerate() {
            network.check().map_err(|fault| fault.within(&format!("network[{index}]")))?;
        }
        for (index, volume) in self.volume.iter().enumerate() {
            volume.check().map_err(|fault| fault.within(&format!("volume[{index}]")))?;
        }
        Ok(())
    }

    pub(super) fn message(&self) -> ContainerInfo {
        let volumes = self.volume.iter().map(VolumeDefinition::message).collect();
        let network_infos = self.network.iter().map(NetworkDefinition::message).collect();
        let common = ContainerInfo { volumes, network_infos, ..ContainerInfo::default() };
        match self.kind {
            ContainerKind::Mesos => ContainerInfo {
                r#type: container_info::Type::Mesos.into(),
                mesos: Some(MesosInfo { image: self.full_image().map(docker_image) }),
                ..common
            },
            ContainerKind::Docker => ContainerInfo {
                r#type: container_info::Type::Docker.into(),
                docker: Some(self.docker()),
                ..common
            },
        }
    }

    fn full_image(&self) -> Option<String> {
        let image = self.image.as_ref()?;
        Some(self.tag.as_ref().map_or_else(|| image.clone(), |tag| format!("{image}:{tag}")))
    }

    fn docker(&self) -> DockerInfo {
        let network = self.network.first();
        let mappings = network.map(|network| network.port_mapping.as_slice()).unwrap_or_default();
        let kind = match network {
            None => docker_info::Network::Host,
            Some(NetworkDefinition { name: None, .. }) => docker_info::Network::Bridge,
            Some(_) => docker_info::Network::User,
        };
        let mapping = |mapping: &PortMapping| docker_info::PortMapping {
            host_port: mapping.host_port.into(),
            container_port: mapping.container_port.into(),
            protocol: mapping.protocol.clone(),
        };
        DockerInfo {
            image: self.full_image().unwrap_or_default(),
            network: Some(kind.into()),
            port_mappings: mappings.iter().map(mapping).collect(),
            ..DockerInfo::default()
        }
    }
}

/// Whether the name ends with a tag or digest: a colon before the last slash is a port.
fn has_tag(image: &str) -> bool {
    image.rsplit('/').next().is_some_and(|last| last.contains([':', '@']))
}

fn docker_image(name: String) -> Image {
    Image {
        r#type: image::Type::Docker.into(),
        docker: Some(image::Docker { name, ..image::Docker::default() }),
        ..Image::default()
    }
}

impl NetworkDefinition {
    fn check(&self) -> Result<(), Fault> {
        for (index, address) in self.ipaddress.iter().enumerate() {
            let (Some(ip), Some(protocol)) = (address.ip, address.protocol) else { continue };
            if ip.is_ipv4() != (protocol == Protocol::Ipv4) {
                let text = format!("{ip} is an address of the other protocol");
                return Err(Fault::at(format!("ipaddress[{index}].protocol"), text));
            }
        }
        for (index, mapping) in self.port_mapping.iter().enumerate() {
            let known = |protocol: &str| protocol == "tcp" || protocol == "udp";
            if mapping.protocol.as_deref().is_some_and(|protocol| !known(protocol)) {
                let field = format!("port_mapping[{index}].protocol");
                return Err(Fault::at(field, "write tcp or udp"));
            }
        }
        Ok(())
    }

    fn message(&self) -> NetworkInfo {
        let mapping = |mapping: &PortMapping| network_info::PortMapping {
            host_port: mapping.host_port.into(),
            container_port: mapping.container_port.into(),
            protocol: mapping.protocol.clone(),
        };
        NetworkInfo {
            name: self.name.clone(),
            groups: self.group.clone(),
            labels: (!self.labels.is_empty())
                .then(|| self.labels.clone().into_iter().collect::<Labels>()),
            ip_addresses: self.ipaddress.iter().map(IpAddress::message).collect(),
            port_mappings: self.port_mapping.iter().map(mapping).collect(),
        }
    }
}

impl IpAddress {
    fn message(&self) -> network_info::IpAddress {
        let of_address = self.ip.filter(std::net::IpAddr::is_ipv6).map(|_| Protocol::Ipv6);
        let protocol = match self.protocol.or(of_address).unwrap_or(Protocol::Ipv4) {
            Protocol::Ipv4 => network_info::Protocol::IPv4,
            Protocol::Ipv6 => network_info::Protocol::IPv6,
        };
        network_info::IpAddress {
            protocol: Some(protocol.into()),
            ip_address: self.ip.map(|ip| ip.to_string()),
        }
    }
}

impl VolumeDefinition {
    fn check(&self) -> Result<(), Fault> {
        if self.container_path.is_empty() {
            return Err(Fault::at("container_path", "is empty"));
        }
        match (&self.host_path, &self.source) {
            (Some(_), Some(_)) => Err(Fault::at("source", "a volume has either this or host_path")),
            (None, None) => Err(Fault::at("host_path", "is missing, or else `source`")),
            (None, Some(source)) => source.check().map_err(|fault| fault.within("source")),
            (Some(_), None) => Ok(()),
        }
    }

    fn message(&self) -> Volume {
        Volume {
            container_path: self.container_path.clone(),
            host_path: self.host_path.clone(),
            mode: self.mode.message().into(),
            source: self.source.as_ref().map(VolumeSource::message),
            ..Volume::default()
        }
    }
}

impl VolumeMode {
    pub(super) fn message(self) -> volume::Mode {
        match self {
            Self::ReadWrite => volume::Mode::Rw,
            Self::ReadOnly => volume::Mode::Ro,
        }
    }
}

impl VolumeSource {
    fn check(&self) -> Result<(), Fault> {
        let parts = [
            (VolumeSourceKind::DockerVolume, "docker_volume", self.docker_volume.is_some()),
            (VolumeSourceKind::HostPath, "host_path", self.host_path.is_some()),
        ];
        for (kind, name, is_there) in parts {
            if is_there != (kind == self.kind) {
                let text = if is_there { "does not belong to this type" } else { "is missing" };
                return Err(Fault::at(name, text));
            }
        }
        Ok(())
    }

    fn message(&self) -> volume::Source {
        let kind = match self.kind {
            VolumeSourceKind::DockerVolume => source::Type::DockerVolume,
            VolumeSourceKind::HostPath => source::Type::HostPath,
        };
        let path = |path: &String| HostPath { path: path.clone(), ..HostPath::default() };
        volume::Source {
            r#type: Some(kind.into()),
            docker_volume: self.docker_volume.as_ref().map(DockerVolume::message),
            host_path: self.host_path.as_ref().map(path),
            ..volume::Source::default()
        }
    }
}

impl DockerVolume {
    fn message(&self) -> source::DockerVolume {
        let option =
            |(key, value): (&String, &String)| Parameter { key: key.clone(), value: value.clone() };
        let parameter = self.driver_opts.iter().map(option).collect();
        source::DockerVolume {
            driver: self.driver.clone(),
            name: self.name.clone(),
            driver_options: (!self.driver_opts.is_empty()).then_some(Parameters { parameter }),
        }
    }
}
