//! The objects of a generation, whole and in their corners.

use std::fmt::Write as _;
use std::process::Command;

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{Container, PodSpec};

use super::*;
use crate::model::flink_version::FlinkVersion;
use crate::model::pod_template::MAIN_CONTAINER;
use crate::model::storage::{AccessMode, NewClaim, RemoteStorage, StateStorage};
use crate::model::store::{Access, Credentials, Profile};
use crate::model::testing;
use crate::yaml;

fn stream(documents: &[Value]) -> String {
    documents.iter().fold(String::new(), |mut text, document| {
        let _ = write!(text, "---\n{}", yaml::to_string(document).expect("YAML"));
        text
    })
}

fn pod(deployment: &Deployment) -> &PodSpec {
    deployment.spec.as_ref().and_then(|spec| spec.template.spec.as_ref()).expect("a pod")
}

fn main(deployment: &Deployment) -> &Container {
    pod(deployment).containers.iter().find(|c| c.name == MAIN_CONTAINER).expect("a main container")
}

fn args(deployment: &Deployment) -> &[String] {
    main(deployment).args.as_deref().expect("arguments")
}

/// The words of the JobManager's command line from its main class on.
fn jobmanager_words(revision: &Revision) -> Vec<String> {
    let objects = generation(revision).expect("valid");
    let args = args(&objects.jobmanager);
    let class = args.iter().position(|word| word.ends_with("EntryPoint")).expect("a main class");
    args[class + 1..].to_vec()
}

#[test]
fn a_whole_generation() {
    let documents = generation(&testing::revision()).expect("valid").documents().expect("JSON");
    insta::assert_snapshot!("generation", stream(&documents));
}

#[test]
fn a_whole_application() {
    let revision = testing::revision();
    let mut documents = application(&revision).documents().expect("JSON");
    documents.push(document(&rest_service(&revision)).expect("JSON"));
    let new = NewClaim {
        size: "10Gi".parse().expect("a size"),
        class: Some("fast".to_owned()),
        access: AccessMode::Rwo,
    };
    documents.push(document(&claim(&revision.application, "shop", &new)).expect("JSON"));
    documents.push(document(&controller_revision(&revision).expect("JSON")).expect("JSON"));
    insta::assert_snapshot!("application", stream(&documents));
}

#[test]
fn a_claim_is_never_owned() {
    let revision = testing::revision();
    let new =
        NewClaim { size: "1Gi".parse().expect("a size"), class: None, access: AccessMode::Rwx };
    assert_eq!(claim(&revision.application, "shop", &new).metadata.owner_references, None);
    for document in generation(&revision).expect("valid").documents().expect("JSON") {
        assert_eq!(document.pointer("/metadata/ownerReferences"), None);
        let label = document.pointer("/metadata/labels/kubectl-flink.io~1generation");
        assert_eq!(label, Some(&"4".into()), "{document}");
    }
}

#[test]
fn pods_pass_the_restricted_standard() {
    let objects = generation(&testing::revision()).expect("valid");
    for deployment in [&objects.jobmanager, &objects.taskmanager] {
        let context = pod(deployment).security_context.clone().expect("a context");
        assert_eq!(context.fs_group, Some(9999));
        assert_eq!(context.seccomp_profile.map(|p| p.type_).as_deref(), Some("RuntimeDefault"));
        let context = main(deployment).security_context.clone().expect("a context");
        assert_eq!((context.run_as_non_root, context.run_as_user), (Some(true), Some(9999)));
        assert_eq!(context.allow_privilege_escalation, Some(false));
        assert_eq!(context.capabilities.and_then(|c| c.drop), Some(vec!["ALL".to_owned()]));
    }
}

#[test]
fn memory_flags_and_the_container_agree() {
    let mut revision = testing::revision();
    revision.spec.spec.flink_configuration.set("taskmanager.memory.process.size", "2g");
    let taskmanager = generation(&revision).expect("valid").taskmanager;
    let limits = main(&taskmanager).resources.clone().and_then(|r| r.limits).expect("limits");
    assert_eq!(limits.get("memory").map(|q| q.0.as_str()), Some("2Gi"));
    assert!(args(&taskmanager).iter().any(|flag| flag.starts_with("-XX:MaxDirectMemorySize=")));
}

#[test]
fn what_the_user_wrote_reaches_main_as_it_is() {
    let mut revision = testing::revision();
    let job = revision.spec.spec.job.as_mut().expect("a job");
    job.args = vec!["$(POD_IP)".to_owned(), "a b".to_owned(), "$$".to_owned(), "--jars".to_owned()];
    revision.jar.main_class = Some("shop.Orders$Main".to_owned());
    let words = jobmanager_words(&revision);
    // Kubernetes takes `$$` for `$` and leaves the rest alone.
    assert_eq!(words[words.len() - 5..], ["--", "$$(POD_IP)", "a b", "$$$$", "--jars"]);
    assert!(words.contains(&"shop.Orders$$Main".to_owned()));
}

#[test]
fn a_jar_in_the_image_is_sent_to_the_taskmanagers() {
    let mut revision = testing::revision();
    revision.jar.uri = "local:///opt/flink/examples/Orders.jar".to_owned();
    revision.jar.main_class = None;
    let words = jobmanager_words(&revision);
    assert_eq!(words[2..5], ["--jars", "local:///opt/flink/examples/Orders.jar", "--job-id"]);
    let config = generation(&revision).expect("valid").config_map.data.expect("files");
    assert!(!config["config.yaml"].contains("pipeline.classpaths"));
}

#[test]
fn old_versions_need_the_main_class_and_read_flink_conf() {
    let mut revision = testing::revision();
    revision.flink_version = FlinkVersion::V1_17;
    revision.spec.spec.flink_version = Some(FlinkVersion::V1_17);
    revision.jar.uri = "local:///opt/flink/examples/Orders.jar".to_owned();
    let objects = generation(&revision).expect("valid");
    let files = objects.config_map.data.expect("files");
    let expected = "\npipeline.classpaths: file:///opt/flink/examples/Orders.jar\n";
    assert!(files["flink-conf.yaml"].contains(expected), "{files:?}");
    revision.jar.main_class = None;
    let error = generation(&revision).expect_err("no main class");
    assert!(error.hints()[0].contains("--class"), "{error}");
}

#[test]
fn without_ha_the_jobmanager_goes_by_its_services_name() {
    let mut revision = testing::revision();
    let address = "jobmanager.rpc.address=$(POD_IP)".to_owned();
    assert!(jobmanager_words(&revision).contains(&address));
    revision.spec.spec.flink_configuration.set("high-availability.type", "NONE");
    assert!(!jobmanager_words(&revision).contains(&address));
    let config = generation(&revision).expect("valid").config_map.data.expect("files");
    assert!(config["config.yaml"].contains("jobmanager.rpc.address: orders-g4-jobmanager\n"));
}

#[test]
fn only_a_volume_for_one_node_keeps_the_pods_together() {
    let mut revision = testing::revision();
    assert!(pod(&generation(&revision).expect("valid").taskmanager).affinity.is_some());
    let StateStorage::Claim(claim) = &mut revision.storage else { panic!("no claim") };
    claim.access = AccessMode::Rwx;
    assert_eq!(pod(&generation(&revision).expect("valid").taskmanager).affinity, None);
}

const TEMPLATE: &str = "
spec:
  securityContext: {runAsUser: 1000}
  terminationGracePeriodSeconds: 60
  nodeSelector: {disk: ssd}
  affinity: {podAffinity: {requiredDuringSchedulingIgnoredDuringExecution: [{topologyKey: zone}]}}
  initContainers: [{name: fetch, image: busybox}]
  containers:
  - {name: logs, image: fluent}
  - name: flink-main-container
    env: [{name: REGION, value: eu}]
    volumeMounts: [{name: scratch, mountPath: /scratch}]
    resources: {limits: {example.com/gpu: 1}}
    ports: [{containerPort: 9249}]
    livenessProbe: {exec: {command: ['true']}}
  volumes: [{name: scratch, emptyDir: {}}]
";

#[test]
fn the_pod_template_is_honoured() {
    let mut revision = testing::revision();
    revision.spec.spec.pod_template = Some(yaml::from_str(TEMPLATE, "test").expect("a template"));
    let objects = generation(&revision).expect("valid");
    let pod = pod(&objects.jobmanager);
    let names: Vec<&str> = pod.containers.iter().map(|c| c.name.as_str()).collect();
    assert_eq!(names, ["logs", MAIN_CONTAINER]);
    assert_eq!(pod.security_context.as_ref().and_then(|c| c.run_as_user), Some(1000));
    assert_eq!(pod.termination_grace_period_seconds, Some(60));
    assert_eq!(pod.init_containers.as_ref().map(Vec::len), Some(1));
    let volumes: Vec<&str> = pod.volumes.iter().flatten().map(|v| v.name.as_str()).collect();
    assert_eq!(volumes, ["scratch", "flink-config", "flink-state"]);
    let affinity = pod.affinity.as_ref().and_then(|a| a.pod_affinity.as_ref()).expect("affinity");
    let terms = affinity.required_during_scheduling_ignored_during_execution.as_deref();
    assert_eq!(terms.map(<[_]>::len), Some(2));
    let main = main(&objects.jobmanager);
    let user = main.security_context.as_ref().and_then(|context| context.run_as_user);
    assert_eq!(user, Some(1000));
    // A sidecar runs as its image says.
    assert_eq!(pod.containers[0].security_context, None);
    let env: Vec<&str> = main.env.iter().flatten().map(|e| e.name.as_str()).collect();
    assert_eq!(env, ["POD_IP", "POD_NAME", "FLINK_CONF_DIR", "REGION"]);
    let limits = main.resources.as_ref().and_then(|r| r.limits.as_ref()).expect("limits");
    assert_eq!(limits.keys().collect::<Vec<_>>(), ["example.com/gpu", "memory"]);
    assert!(main.liveness_probe.as_ref().is_some_and(|probe| probe.exec.is_some()));
    let policy = document(&objects.network_policy).expect("JSON");
    assert_eq!(policy.pointer("/spec/ingress/1/ports/1/port"), Some(&9249.into()));
}

/// The revision of the tests, on a bucket.
fn on_s3() -> Revision {
    let mut revision = testing::revision();
    let store = Profile {
        uri: "s3://bucket/flink".parse().expect("a URI"),
        access: Access { endpoint: Some("http://minio:9000".to_owned()), ..Access::default() },
        credentials: Credentials::Secret("keys".to_owned()),
    };
    let remote = RemoteStorage { profile: Some("minio".to_owned()), store };
    revision.storage = StateStorage::Remote(Box::new(remote));
    let sha256 = revision.jar.sha256.clone().expect("a hash");
    revision.jar.uri = revision.layout().jar(&sha256);
    revision
}

#[test]
fn a_job_on_a_store_has_no_volume_and_no_secret_in_any_object() {
    let revision = on_s3();
    let objects = generation(&revision).expect("valid");
    let config = objects.config_map.data.as_ref().expect("files")["config.yaml"].clone();
    for line in [
        "state.checkpoints.dir: s3://bucket/flink/shop/orders/checkpoints",
        "high-availability.storageDir: s3://bucket/flink/shop/orders/ha",
        "pipeline.classpaths: file:///flink/jar/",
        "s3.endpoint: http://minio:9000",
    ] {
        assert!(config.contains(line), "{line} is not in\n{config}");
    }
    let agent = objects.config_map.binary_data.as_ref().and_then(|data| data.values().next());
    assert!(agent.is_some_and(|jar| jar.0.starts_with(b"PK")), "the agent comes along");
    for deployment in [&objects.jobmanager, &objects.taskmanager] {
        let spec = pod(deployment);
        let fetch = spec.init_containers.as_ref().and_then(|all| all.first()).expect("a fetcher");
        assert_eq!(fetch.name, FETCH);
        let user = fetch.security_context.as_ref().and_then(|context| context.run_as_non_root);
        assert_eq!(user, Some(true), "PodSecurity restricted");
        let claims = spec.volumes.iter().flatten().filter(|v| v.persistent_volume_claim.is_some());
        assert_eq!(claims.count(), 0);
        assert_eq!(spec.affinity, None);
        for container in [fetch, main(deployment)] {
            let secret = container.env.iter().flatten().find(|e| e.name == "AWS_SECRET_ACCESS_KEY");
            let source = secret.and_then(|e| e.value_from.as_ref()?.secret_key_ref.as_ref());
            assert_eq!(source.map(|source| source.name.as_str()), Some("keys"));
        }
    }
}

#[test]
fn state_that_moves_is_read_from_one_storage_and_written_to_the_other() {
    let mut revision = on_s3();
    revision.also_reads = Some(testing::revision().storage);
    let objects = generation(&revision).expect("valid");
    let spec = pod(&objects.jobmanager);
    let claim = spec.volumes.iter().flatten().find_map(|v| v.persistent_volume_claim.as_ref());
    assert_eq!(claim.map(|claim| claim.claim_name.as_str()), Some("orders-state"));
    let mounts = main(&objects.jobmanager).volume_mounts.as_ref().expect("mounts");
    assert!(mounts.iter().any(|mount| mount.mount_path == "/flink/state"));
    let config = &objects.config_map.data.as_ref().expect("files")["config.yaml"];
    assert!(config.contains("state.savepoints.dir: s3://bucket/"), "{config}");
}

#[test]
fn a_key_that_must_be_in_the_configuration_is_filled_in_by_the_kubelet() {
    let mut revision = on_s3();
    let StateStorage::Remote(remote) = &mut revision.storage else { panic!("no store") };
    remote.store.access = Access::default();
    remote.store.uri = "abfss://state@shop.dfs.core.windows.net/flink".parse().expect("a URI");
    let objects = generation(&revision).expect("valid");
    let key = "fs.azure.account.key.shop.dfs.core.windows.net=$(AZURE_STORAGE_KEY)".to_owned();
    for deployment in [&objects.jobmanager, &objects.taskmanager] {
        assert!(main(deployment).args.as_ref().expect("arguments").contains(&key));
    }
    let config = &objects.config_map.data.as_ref().expect("files")["config.yaml"];
    assert!(!config.contains("fs.azure.account.key"), "{config}");
}

#[test]
fn a_users_account_is_bound_and_not_made() {
    let mut revision = testing::revision();
    revision.spec.spec.service_account = Some("flink".to_owned());
    let objects = application(&revision);
    assert_eq!(objects.service_account, None);
    assert_eq!(objects.role_binding.subjects.expect("subjects")[0].name, "flink");
    let generation = generation(&revision).expect("valid");
    assert_eq!(pod(&generation.taskmanager).service_account_name.as_deref(), Some("flink"));
}

#[test]
fn a_record_is_read_back_as_it_was() {
    let revision = testing::revision();
    let record = controller_revision(&revision).expect("JSON");
    assert_eq!(read_revision(record.clone()).expect("a revision"), revision);
    let mut damaged = record;
    damaged.data = None;
    assert!(read_revision(damaged).is_err());
}

#[test]
fn only_what_changes_the_run_is_a_change() {
    let current = testing::revision();
    let alike = |change: &dyn Fn(&mut Revision)| {
        let mut target = current.clone();
        target.generation = target.generation.next();
        target.restored_from = None;
        target.created_by = "9.9.9".to_owned();
        change(&mut target);
        runs_alike(&current, &target).expect("valid")
    };
    assert!(alike(&|_| {}));
    assert!(alike(&|target| {
        let spec = &mut target.spec.spec;
        spec.image = Some("flink:2.3.0".to_owned());
        spec.flink_configuration.set("taskmanager.memory.process.size", "1769472k");
        spec.job.get_or_insert_default().allow_non_restored_state = Some(true);
    }));
    assert!(!alike(&|target| target.image = "flink:2.3.0-patched".to_owned()));
    assert!(!alike(&|target| target.jar.uri = target.layout().jar("0")));
    assert!(!alike(&|target| target.spec.spec.restart_nonce = Some(1)));
    assert!(!alike(&|target| target.spec.spec.flink_configuration.set("a", "b")));
    assert!(!alike(&|target| target.spec.spec.service_account = Some("flink".to_owned())));
    assert!(!alike(&|target| target.spec.spec.job.get_or_insert_default().args.clear()));
}

/// Runs the pods' start script in a real shell, with a `java` that prints what it is given.
fn start(env: &[(&str, &str)]) -> (bool, String) {
    use std::os::unix::fs::PermissionsExt as _;
    let home = tempfile::tempdir().expect("a folder");
    let at = |path: &str| home.path().join(path);
    for folder in ["bin", "opt", "lib/security", "authorities"] {
        std::fs::create_dir_all(at(folder)).expect("a folder");
    }
    let certificate = "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n";
    std::fs::write(at("authorities/ca.crt"), ["# ours\n", certificate, certificate].concat())
        .expect("a file");
    std::fs::write(at("lib/security/cacerts"), "").expect("a file");
    std::fs::write(at("opt/s3.jar"), "").expect("a file");
    std::fs::write(at("opt/flink-s3-fs-presto-2.3.0.jar"), "").expect("a file");
    let java = "#!/bin/sh\ncase $* in *' fetch '*) for last; do :; done; echo jar > \"$last\"; exit ;; esac
        printf '<%s>' \"$@\"; ls -R \"$FLINK_PLUGINS_DIR\" 2>/dev/null
        cat \"$JAVA_HOME/imported\" 2>/dev/null; printf '%s' \"$JAVA_TOOL_OPTIONS\"\n";
    // Says how many certificates it was given, each in a file of its own.
    let keytool = "#!/bin/sh\ngrep -c BEGIN \"$6\" >> \"$JAVA_HOME/imported\"\n";
    for (name, script) in [("bin/java", java), ("bin/keytool", keytool)] {
        std::fs::write(at(name), script).expect("a file");
        std::fs::set_permissions(at(name), std::fs::Permissions::from_mode(0o755)).expect("a mode");
    }
    let here = home.path().display().to_string();
    let output = Command::new("/bin/sh")
        .args(["-c", pod::START, "flink", "-Xmx1", "a b", "$x"])
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("JAVA_HOME", home.path())
        .env("FLINK_HOME", home.path())
        .envs(env.iter().map(|(name, value)| (name, value.replace("HOME", &here))))
        .output()
        .expect("a shell");
    let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    (output.status.success(), text.replace(&here, "HOME"))
}

#[test]
fn the_start_script_passes_every_word_on() {
    assert_eq!(start(&[]), (true, "<-cp><HOME/lib/*><-Xmx1><a b><$x>".to_owned()));
    let (_, text) = start(&[("HADOOP_CLASSPATH", "/hadoop/*"), ("HADOOP_CONF_DIR", "/etc/hadoop")]);
    assert!(text.starts_with("<-cp><HOME/lib/*:/hadoop/*:/etc/hadoop><-Xmx1>"), "{text}");
}

#[test]
fn the_start_script_looks_where_the_environment_says() {
    let (ok, text) = start(&[("FLINK_LIB_DIR", "/lib/flink"), ("FLINK_PLUGINS_DIR", "/none")]);
    assert_eq!((ok, text.as_str()), (true, "<-cp></lib/flink/*><-Xmx1><a b><$x>"));
}

#[test]
fn the_start_script_enables_plugins_as_the_official_image_does() {
    let (ok, text) = start(&[("ENABLE_BUILT_IN_PLUGINS", "s3.jar")]);
    assert!(ok && text.contains("HOME/plugins/s3:\ns3.jar"), "{text}");
    let (ok, text) = start(&[("ENABLE_BUILT_IN_PLUGINS", "s3.jar;gs.jar")]);
    assert!(!ok && text.contains("there is no HOME/opt/gs.jar"), "{text}");
}

#[test]
fn the_start_script_enables_the_stores_plugin_in_whatever_version() {
    let (ok, text) = start(&[("FLINK_STORE_PLUGINS", "flink-s3-fs-presto")]);
    let linked = "HOME/plugins/flink-s3-fs-presto:\nflink-s3-fs-presto-2.3.0.jar";
    assert!(ok && text.contains(linked), "{text}");
    let (ok, text) = start(&[("FLINK_STORE_PLUGINS", "flink-s3-fs-presto flink-gs-fs-hadoop")]);
    assert!(!ok && text.contains("no flink-gs-fs-hadoop-VERSION.jar in HOME/opt"), "{text}");
}

#[test]
fn the_start_script_brings_a_plugin_that_the_image_lacks_and_checks_it() {
    let bring = |jar: &str| {
        let wanted = format!("flink-gs-fs-hadoop=https://host/a.jar{jar}");
        let temporary = tempfile::tempdir().expect("a folder");
        start(&[
            ("FLINK_STORE_PLUGINS", "flink-s3-fs-presto flink-gs-fs-hadoop"),
            ("FLINK_STORE_PLUGIN_JARS", &wanted),
            ("TMPDIR", &temporary.path().display().to_string()),
        ])
    };
    // SHA-256 of what the `java` of this test fetches: "jar" and a line feed.
    let right = "#fb8ce05502991565de98e3e21d9ab98151c1cd1715b14a3f7c349cba300cb2b9";
    for jar in ["", right] {
        let (ok, text) = bring(jar);
        let linked = "HOME/plugins/flink-gs-fs-hadoop:\nflink-gs-fs-hadoop.jar";
        assert!(ok && text.contains(linked), "{text}");
    }
    let (ok, text) = bring(&format!("#{}", "0".repeat(64)));
    assert!(!ok && text.contains("https://host/a.jar has another SHA-256 than 0000"), "{text}");
}

#[test]
fn the_start_script_has_the_jvm_trust_each_authority() {
    let trust = |folders| start(&[("FLINK_STORE_AUTHORITIES", folders)]);
    let (ok, text) = trust("HOME/authorities");
    assert!(ok && text.contains("<$x>1\n1\n"), "each by itself: {text}");
    assert!(text.contains("-Djavax.net.ssl.trustStore="), "{text}");
    let (ok, text) = trust("HOME/none");
    assert!(!ok && text.contains("no .crt or .pem in HOME/none holds a certificate"), "{text}");
}

#[test]
fn kubernetes_leaves_the_start_script_alone() {
    let script = [pod::START, store::FETCH_SCRIPT].concat();
    assert!(!script.contains("$(") && !script.contains("$$"), "Kubernetes would replace them");
}

#[test]
fn an_ingress_leads_to_the_service_that_follows_the_active_generation() {
    let mut revision = testing::revision();
    assert_eq!(generation(&revision).expect("valid").ingress, None);
    revision.spec.metadata.labels.insert("team".to_owned(), "shop".to_owned());
    let asked = "{template: 'example.com/{{namespace}}/{{name}}(/|$)(.*)', className: nginx,
        annotations: {nginx.ingress.kubernetes.io/rewrite-target: /$2}, tls: [{hosts: [example.com]}],
        labels: {team: web, kubectl-flink.io/generation: '9'}}";
    revision.spec.spec.ingress = Some(yaml::from_str(asked, "test").expect("an Ingress"));
    let ingress = generation(&revision).expect("valid").ingress.expect("an Ingress");
    insta::assert_snapshot!(yaml::to_string(&ingress).expect("YAML"), @r#"
    apiVersion: networking.k8s.io/v1
    kind: Ingress
    metadata:
      annotations:
        nginx.ingress.kubernetes.io/rewrite-target: /$2
      labels:
        app.kubernetes.io/component: support
        app.kubernetes.io/instance: orders
        app.kubernetes.io/managed-by: kubectl-flink
        app.kubernetes.io/name: flink
        kubectl-flink.io/application: orders
        kubectl-flink.io/component: support
        kubectl-flink.io/generation: "4"
        team: web
      name: orders
      namespace: shop
    spec:
      ingressClassName: nginx
      rules:
      - host: example.com
        http:
          paths:
          - backend:
              service:
                name: orders-rest
                port:
                  number: 8081
            path: /shop/orders(/|$)(.*)
            pathType: ImplementationSpecific
      tls:
      - hosts:
        - example.com
    "#);
}

#[test]
fn a_container_uses_the_devices_that_its_pod_claims() {
    let mut revision = testing::revision();
    let spec =
        "{taskManager: {resources: {requests: {cpu: 1}, claims: [{name: gpu, request: one}]},
        podTemplate: {spec: {resourceClaims: [{name: gpu, resourceClaimTemplateName: gpu}]}}}}";
    let spec: crate::model::spec::FlinkDeploymentSpec = yaml::from_str(spec, "test").expect(spec);
    revision.spec.spec.task_manager = spec.task_manager;
    let objects = generation(&revision).expect("valid");
    let claims = |deployment: &Deployment| main(deployment).resources.clone()?.claims;
    let gpu = claims(&objects.taskmanager).expect("a claim").remove(0);
    assert_eq!((gpu.name.as_str(), gpu.request.as_deref()), ("gpu", Some("one")));
    assert_eq!(claims(&objects.jobmanager), None);
    assert!(pod(&objects.taskmanager).resource_claims.is_some());
}

#[test]
fn jobmanagers_that_stand_by_are_kept_apart_and_answer_when_they_are_ready() {
    let mut revision = testing::revision();
    let publishes = |revision: &Revision| {
        let spec = generation(revision).expect("valid").service.spec.expect("a spec");
        spec.publish_not_ready_addresses
    };
    assert_eq!(publishes(&revision), Some(true));
    revision.spec.spec.job_manager.get_or_insert_default().replicas = Some(2);
    assert_eq!(publishes(&revision), Some(false));
    let objects = generation(&revision).expect("valid");
    let replicas = |deployment: &Deployment| deployment.spec.as_ref().and_then(|s| s.replicas);
    assert_eq!(replicas(&objects.jobmanager), Some(2));
    let apart = |deployment: &Deployment| {
        let affinity = pod(deployment).affinity.clone()?.pod_anti_affinity?;
        affinity.preferred_during_scheduling_ignored_during_execution
    };
    assert_eq!(apart(&objects.jobmanager).map(|terms| terms.len()), Some(1));
    assert_eq!(apart(&objects.taskmanager), None);
}
