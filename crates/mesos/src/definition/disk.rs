//! The disk that a task takes: a part of the agent's, a disk of its own, or a volume that
//! outlives the task.

use serde::Deserialize;

use super::container::VolumeMode;
use super::fields::{self, Fault, choice};
use crate::resources::{Resources, Scalar};
use crate::v1::resource::DiskInfo;
use crate::v1::resource::disk_info::{self, source};
use crate::v1::{Resource, Volume, value};

/// How much disk, and of which kind.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DiskDefinition {
    /// The size in MiB; more than nothing.
    #[serde(deserialize_with = "fields::amount")]
    pub size: Scalar,
    /// A volume that stays when the task ends; needs `volume`, and resources that are
    /// reserved. Default: the files go with the sandbox.
    #[serde(default)]
    pub persistence: Option<Persistence>,
    /// Where the persistent volume appears.
    #[serde(default)]
    pub volume: Option<PersistentVolume>,
    /// A disk of its own kind. Default: the agent's common one.
    #[serde(default)]
    pub source: Option<DiskSource>,
}

/// A volume that stays.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Persistence {
    /// Its name. Instances beyond the first add `.2`, `.3` and so on.
    pub id: String,
    /// Who may destroy it.
    #[serde(default, alias = "principle")]
    pub principal: Option<String>,
}

/// Where a persistent volume appears.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PersistentVolume {
    /// The path in the container; relative ones are in the sandbox.
    pub container_path: String,
    /// Whether it can be written. Default: `rw`.
    #[serde(default)]
    pub mode: VolumeMode,
}

/// A kind of disk.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DiskSource {
    /// `path` or `mount`.
    #[serde(rename = "type")]
    pub kind: DiskSourceKind,
    /// Its root on the agent, for a `path`. Default: any.
    #[serde(default)]
    pub path: Option<String>,
    /// Its root on the agent, for a `mount`. Default: any.
    #[serde(default)]
    pub mount: Option<String>,
}

choice! {
    /// Kinds of disks.
    DiskSourceKind {
        /// A folder; several tasks share it by parts.
        Path: "path",
        /// A file system of its own; one task gets all of it, however large.
        Mount: "mount",
    }
}

impl DiskDefinition {
    pub(super) fn check(&self) -> Result<(), Fault> {
        match (&self.persistence, &self.volume) {
            (Some(_), None) => {
                let text = "is missing: say where the persistent volume appears";
                return Err(Fault::at("volume", text));
            }
            (None, Some(_)) => {
                let text = "is missing: Mesos has volumes of disk resources only if they persist; \
                            others belong to `container`";
                return Err(Fault::at("persistence", text));
            }
            (Some(persistence), Some(volume)) => {
                if persistence.id.is_empty() || persistence.id.contains(['/', '\\']) {
                    let text = "a volume's id is not empty and has no slashes";
                    return Err(Fault::at("persistence.id", text));
                }
                if volume.container_path.is_empty() {
                    return Err(Fault::at("volume.container_path", "is empty"));
                }
            }
            (None, None) => {}
        }
        let Some(source) = &self.source else { return Ok(()) };
        match (source.kind, &source.path, &source.mount) {
            (DiskSourceKind::Path, _, Some(_)) => {
                Err(Fault::at("source.mount", "a disk of type path has a `path` instead"))
            }
            (DiskSourceKind::Mount, Some(_), _) => {
                Err(Fault::at("source.path", "a disk of type mount has a `mount` instead"))
            }
            (DiskSourceKind::Path | DiskSourceKind::Mount, _, _) => Ok(()),
        }
    }

    /// Whether a plain part of the agent's common disk will do.
    pub(super) fn is_plain(&self) -> bool {
        self.persistence.is_none() && self.source.is_none()
    }

    /// The disk for an instance, whether its volume is yet to be created, and what is left.
    pub(super) fn find(&self, offered: &Resources, instance: u32) -> Option<Found> {
        let all = offered.non_revocable().non_shared().to_wire();
        if let Some(volume) = all.iter().find(|resource| self.is_volume(resource, instance)) {
            let mut used = volume.clone();
            if let Some(disk) = &mut used.disk {
                disk.volume = self.volume.as_ref().map(PersistentVolume::message);
            }
            return Some(Found { used, create: false, left: without(offered, volume)? });
        }
        let raw = all.iter().find(|resource| self.suits(resource))?;
        let part = self.part_of(raw);
        let left = without(offered, &part)?;
        let used = self.made_of(part, instance);
        Some(Found { used, create: self.persistence.is_some(), left })
    }

    fn id(&self, instance: u32) -> Option<String> {
        let id = &self.persistence.as_ref()?.id;
        Some(if instance == 1 { id.clone() } else { format!("{id}.{instance}") })
    }

    fn is_volume(&self, resource: &Resource, instance: u32) -> bool {
        let persistence = resource.disk.as_ref().and_then(|disk| disk.persistence.as_ref());
        persistence.is_some_and(|held| Some(&held.id) == self.id(instance).as_ref())
            && size_of(resource) >= self.size
    }

    /// Whether it is a disk of which the instance can have its part.
    fn suits(&self, resource: &Resource) -> bool {
        let disk = resource.disk.clone().unwrap_or_default();
        let is_reserved = !Resources::from_iter([resource]).reserved().is_empty();
        resource.name == crate::resources::DISK
            && disk.persistence.is_none()
            && self.suits_source(disk.source.as_ref())
            && (self.persistence.is_none() || is_reserved)
            && size_of(resource) >= self.size
    }

    fn suits_source(&self, held: Option<&disk_info::Source>) -> bool {
        match (&self.source, held) {
            (None, None) => true,
            (Some(wanted), Some(held)) => {
                let root = |wanted: &Option<String>, held: Option<&str>| {
                    wanted.as_deref().is_none_or(|wanted| Some(wanted) == held)
                };
                match (wanted.kind, held.r#type()) {
                    (DiskSourceKind::Path, source::Type::Path) => {
                        root(&wanted.path, held.path.as_ref().map(source::Path::root))
                    }
                    (DiskSourceKind::Mount, source::Type::Mount) => {
                        root(&wanted.mount, held.mount.as_ref().map(source::Mount::root))
                    }
                    (DiskSourceKind::Path | DiskSourceKind::Mount, _) => false,
                }
            }
            (None, Some(_)) | (Some(_), None) => false,
        }
    }

    /// The size that was asked for; a mount is used as a whole.
    fn part_of(&self, resource: &Resource) -> Resource {
        let is_mount = self.source.as_ref().is_some_and(|s| s.kind == DiskSourceKind::Mount);
        let size = if is_mount { size_of(resource) } else { self.size };
        Resource { scalar: Some(value::Scalar { value: size.to_f64() }), ..resource.clone() }
    }

    fn made_of(&self, part: Resource, instance: u32) -> Resource {
        let (Some(id), Some(persistence)) = (self.id(instance), &self.persistence) else {
            return part;
        };
        let principal = persistence.principal.clone();
        let mut disk: DiskInfo = part.disk.clone().unwrap_or_default();
        disk.persistence = Some(disk_info::Persistence { id, principal });
        disk.volume = self.volume.as_ref().map(PersistentVolume::message);
        Resource { disk: Some(disk), ..part }
    }
}

impl PersistentVolume {
    fn message(&self) -> Volume {
        Volume {
            container_path: self.container_path.clone(),
            mode: self.mode.message().into(),
            ..Volume::default()
        }
    }
}

/// A disk for an instance.
pub(super) struct Found {
    pub(super) used: Resource,
    pub(super) create: bool,
    pub(super) left: Resources,
}

fn size_of(resource: &Resource) -> Scalar {
    resource.scalar.map_or(Scalar::ZERO, |scalar| Scalar::from_f64(scalar.value))
}

fn without(offered: &Resources, part: &Resource) -> Option<Resources> {
    offered.checked_sub(&Resources::from_iter([part]))
}
