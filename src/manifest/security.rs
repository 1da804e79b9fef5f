//! What pods may do on their node: they pass PodSecurity `restricted`.

use k8s_openapi::api::core::v1::{
    Capabilities, PodSecurityContext, SeccompProfile, SecurityContext,
};

/// User and group `flink` of the official images. Images since 2.2 name the user only, and
/// `runAsNonRoot` needs the number.
pub const FLINK_UID: i64 = 9999;

/// Fills what `given` leaves open. The group owns the volume's files, so that a fresh volume is writable.
/// Who runs is said on the main container: sidecars and init containers keep the user of their image.
pub fn pod(given: Option<PodSecurityContext>) -> PodSecurityContext {
    let mut context = given.unwrap_or_default();
    context.fs_group.get_or_insert(FLINK_UID);
    // Without it every start walks over the whole volume.
    context.fs_group_change_policy.get_or_insert_with(|| "OnRootMismatch".to_owned());
    context.seccomp_profile.get_or_insert_with(|| SeccompProfile {
        type_: "RuntimeDefault".to_owned(),
        localhost_profile: None,
    });
    context
}

/// Fills what `given` leaves open, in the main container of a pod with the context `pod`. A container's
/// field hides the pod's, so what the user says there is repeated here.
pub fn container(given: Option<SecurityContext>, pod: &PodSecurityContext) -> SecurityContext {
    let mut context = given.unwrap_or_default();
    context.run_as_user.get_or_insert(pod.run_as_user.unwrap_or(FLINK_UID));
    context.run_as_group.get_or_insert(pod.run_as_group.unwrap_or(FLINK_UID));
    context.run_as_non_root.get_or_insert(pod.run_as_non_root.unwrap_or(true));
    context.allow_privilege_escalation.get_or_insert(false);
    context
        .capabilities
        .get_or_insert_with(|| Capabilities { drop: Some(vec!["ALL".to_owned()]), add: None });
    context
}
