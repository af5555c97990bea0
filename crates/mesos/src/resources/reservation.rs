//! For whom a resource is kept: reservations in their old and new form, and refinement.

use super::Resources;
use crate::v1::Resource;
use crate::v1::resource::ReservationInfo;
use crate::v1::resource::reservation_info::Type;

/// Why something cannot be reserved in this way.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReservationError {
    /// There is no role, or it is `*`, which means "unreserved".
    #[error("a reservation needs the role that it is for, other than '*'")]
    NoRole,
    /// What is reserved can only be reserved further for a role below.
    #[error(
        "'{role}' is not below '{reserved_for}': a reservation is refined for a role such as '{reserved_for}/part'"
    )]
    NotBelow {
        /// The role that was asked for.
        role: String,
        /// The role that it is reserved for already.
        reserved_for: String,
    },
    /// Only what an operator gave the agent at its start is reserved statically.
    #[error("a static reservation cannot refine another: make it a dynamic one")]
    StaticRefinement,
}

/// Puts the reservation into the new form, `reservations`, in which nothing means
/// unreserved. Says whether it was in the old one.
///
/// Source: `convertResourceFormat` in resources_utils.cpp.
#[expect(deprecated, reason = "masters write the old form for most frameworks")]
pub(super) fn upgrade(resource: &mut Resource) -> bool {
    let role = resource.role.take().filter(|role| role != "*");
    let dynamic = resource.reservation.take();
    if !resource.reservations.is_empty() {
        return false;
    }
    let Some(role) = role else { return false };
    let kind = if dynamic.is_some() { Type::Dynamic } else { Type::Static };
    resource.reservations.push(ReservationInfo {
        r#type: Some(kind.into()),
        role: Some(role),
        ..dynamic.unwrap_or_default()
    });
    true
}

/// Puts a single reservation into the old form; a refined one has none and stays.
#[expect(deprecated, reason = "what came in the old form goes back in it")]
pub(super) fn downgrade(resource: &mut Resource) {
    if resource.reservations.len() != 1 {
        return;
    }
    let Some(reservation) = resource.reservations.pop() else { return };
    resource.role.clone_from(&reservation.role);
    if reservation.r#type() == Type::Dynamic {
        resource.reservation = Some(ReservationInfo { r#type: None, role: None, ..reservation });
    }
}

/// The role that it is reserved for: the most refined one.
pub(super) fn role_of(resource: &Resource) -> Option<&str> {
    resource.reservations.last().map(ReservationInfo::role)
}

/// Whether `role` is `other` or below it: `web/prod` is below `web`.
pub(super) fn is_at_or_below(role: &str, other: &str) -> bool {
    role.strip_prefix(other).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

impl Resources {
    /// All of it reserved (further): for the RESERVE operation.
    ///
    /// # Errors
    ///
    /// When there is no role, or some of it is reserved for a role that the new one is not
    /// below.
    pub fn reserve(&self, reservation: &ReservationInfo) -> Result<Self, ReservationError> {
        let role = reservation.role.as_deref().filter(|role| !role.is_empty() && *role != "*");
        let role = role.ok_or(ReservationError::NoRole)?;
        for entry in self.entries() {
            let Some(held) = role_of(entry.identity.resource()) else { continue };
            if role == held || !is_at_or_below(role, held) {
                let (role, reserved_for) = (role.to_owned(), held.to_owned());
                return Err(ReservationError::NotBelow { role, reserved_for });
            }
            if reservation.r#type() == Type::Static {
                return Err(ReservationError::StaticRefinement);
            }
        }
        Ok(self.map(|resource| resource.reservations.push(reservation.clone())))
    }

    /// All of it without its last reservation: for the UNRESERVE operation.
    #[must_use]
    pub fn unreserve(&self) -> Self {
        self.map(|resource| {
            resource.reservations.pop();
        })
    }

    /// All of it without any reservation: what is there, whoever it is kept for.
    #[must_use]
    #[doc(alias = "toUnreserved")]
    #[doc(alias = "flatten")]
    pub fn without_reservations(&self) -> Self {
        self.map(|resource| resource.reservations.clear())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reservation(kind: Type, role: &str) -> ReservationInfo {
        ReservationInfo {
            r#type: Some(kind.into()),
            role: Some(role.into()),
            ..ReservationInfo::default()
        }
    }

    #[test]
    #[expect(deprecated, reason = "the old form is the point")]
    fn both_forms_of_a_reservation_are_the_same_resource() {
        let cpus: Resources = "cpus:1".parse().unwrap();
        let mut old_static = cpus.to_wire().remove(0);
        old_static.role = Some("web".into());
        let mut old_dynamic = old_static.clone();
        let by = ReservationInfo { principal: Some("p".into()), ..ReservationInfo::default() };
        old_dynamic.reservation = Some(by.clone());

        let new_static = cpus.reserve(&reservation(Type::Static, "web")).unwrap();
        let info = ReservationInfo { principal: by.principal, ..reservation(Type::Dynamic, "web") };
        let new_dynamic = cpus.reserve(&info).unwrap();
        for (old, new, other) in
            [(&old_static, &new_static, &new_dynamic), (&old_dynamic, &new_dynamic, &new_static)]
        {
            let bundle = Resources::from(&vec![old.clone()]);
            assert_eq!(bundle, *new);
            assert_ne!(bundle, *other);
            assert_eq!(bundle.to_wire(), std::slice::from_ref(old), "it goes back as it came");
        }
        assert!(new_dynamic.to_wire()[0].role.is_none());
    }

    #[test]
    fn a_reservation_is_refined_downwards_and_taken_back_step_by_step() {
        let cpus: Resources = "cpus(web):1".parse().unwrap();
        let refined = cpus.reserve(&reservation(Type::Dynamic, "web/prod")).unwrap();
        assert_eq!(refined.to_wire()[0].reservations.len(), 2);
        assert_eq!(refined.reserved_for("web/prod"), refined);
        assert!(refined.reserved_for("web").is_empty());
        assert_eq!(refined.unreserve(), cpus);
        assert_eq!(refined.without_reservations(), "cpus:1".parse().unwrap());
    }

    #[test]
    fn reservations_that_a_master_would_refuse_are_errors() {
        let cpus: Resources = "cpus(web):1".parse().unwrap();
        let of = |kind, role| cpus.reserve(&reservation(kind, role)).unwrap_err();
        assert_eq!(of(Type::Dynamic, "*"), ReservationError::NoRole);
        assert_eq!(of(Type::Dynamic, ""), ReservationError::NoRole);
        for role in ["db", "web", "website", "we"] {
            assert!(matches!(of(Type::Dynamic, role), ReservationError::NotBelow { .. }), "{role}");
        }
        assert_eq!(of(Type::Static, "web/x"), ReservationError::StaticRefinement);
    }
}
