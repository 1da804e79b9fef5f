use super::*;
use crate::error::Result;
use crate::model::store::{Access, CaBundle, StoreUri};

fn profile(uri: &str, credentials: Credentials, change: impl FnOnce(&mut Access)) -> Profile {
    let uri: StoreUri = uri.parse().expect(uri);
    let mut access = Access::default();
    change(&mut access);
    let profile = Profile { uri, access, credentials };
    profile.check().expect("a sound profile");
    profile
}

fn secret() -> Credentials {
    Credentials::Secret("keys".to_owned())
}

/// All that a pod gets, a line each.
fn lines(profile: &Profile) -> String {
    let wiring = Wiring::of([profile]);
    let mut lines: Vec<String> = Vec::new();
    lines.extend(wiring.config.iter().map(|(key, value)| format!("{key}: {value}")));
    lines.extend(wiring.secret_config.iter().map(|(key, name)| format!("{key}: ${name}")));
    for variable in &wiring.env {
        let key = variable.value_from.as_ref().and_then(|source| source.secret_key_ref.clone());
        let from = key.map(|key| {
            let optional = if key.optional == Some(true) { "?" } else { "" };
            format!("<{}/{}{optional}>", key.name, key.key)
        });
        let value = variable.value.clone().or(from).unwrap_or_default();
        lines.push(format!("{}={value}", variable.name));
    }
    for (volume, mount) in wiring.volumes.iter().zip(&wiring.mounts) {
        let secret = volume.secret.as_ref().and_then(|source| source.secret_name.clone());
        let map = volume.config_map.as_ref().map(|source| source.name.clone());
        lines.push(format!("{} <- {}", mount.mount_path, secret.or(map).unwrap_or_default()));
    }
    lines.extend(wiring.service_account.map(|name| format!("as {name}")));
    lines.join("\n")
}

fn minio(plugin: S3Plugin) -> Profile {
    profile("s3://bucket/flink", secret(), |access| {
        access.endpoint = Some("http://minio:9000".to_owned());
        access.region = Some("us-east-1".to_owned());
        access.plugin = Some(plugin);
        access.encryption = Some("sse-kms:key".to_owned());
    })
}

#[test]
fn each_s3_plugin_gets_its_own_keys_and_the_secret_by_name() {
    insta::assert_snapshot!(lines(&minio(S3Plugin::Presto)), @r"
    s3.endpoint: http://minio:9000
    s3.path.style.access: true
    s3.sse.enabled: true
    s3.sse.kms-key-id: key
    s3.sse.type: KMS
    s3.ssl.enabled: false
    AWS_ACCESS_KEY_ID=<keys/AWS_ACCESS_KEY_ID>
    AWS_SECRET_ACCESS_KEY=<keys/AWS_SECRET_ACCESS_KEY>
    AWS_SESSION_TOKEN=<keys/AWS_SESSION_TOKEN?>
    AWS_REGION=us-east-1
    FLINK_STORE_PLUGINS=flink-s3-fs-presto
    ");
    insta::assert_snapshot!(lines(&minio(S3Plugin::Hadoop)), @r"
    s3.directory.marker.retention: keep
    s3.encryption.algorithm: SSE-KMS
    s3.encryption.key: key
    s3.endpoint: http://minio:9000
    s3.endpoint.region: us-east-1
    s3.path.style.access: true
    AWS_ACCESS_KEY_ID=<keys/AWS_ACCESS_KEY_ID>
    AWS_SECRET_ACCESS_KEY=<keys/AWS_SECRET_ACCESS_KEY>
    AWS_SESSION_TOKEN=<keys/AWS_SESSION_TOKEN?>
    AWS_REGION=us-east-1
    FLINK_STORE_PLUGINS=flink-s3-fs-hadoop
    ");
    insta::assert_snapshot!(lines(&minio(S3Plugin::Native)), @r"
    s3.endpoint: http://minio:9000
    s3.path.style.access: true
    s3.region: us-east-1
    s3.sse.kms.key-id: key
    s3.sse.type: sse-kms
    AWS_ACCESS_KEY_ID=<keys/AWS_ACCESS_KEY_ID>
    AWS_SECRET_ACCESS_KEY=<keys/AWS_SECRET_ACCESS_KEY>
    AWS_SESSION_TOKEN=<keys/AWS_SESSION_TOKEN?>
    AWS_REGION=us-east-1
    FLINK_STORE_PLUGINS=flink-s3-fs-native
    ");
    let private = profile("s3://bucket", secret(), |access| {
        access.endpoint = Some("https://minio:9000".to_owned());
        access.ca_bundle = Some(CaBundle::ConfigMap("our-ca".to_owned()));
        access.plugin_jar = "https://host/a.jar".parse().ok();
    });
    insta::assert_snapshot!(lines(&private), @r"
    s3.endpoint: https://minio:9000
    s3.path.style.access: true
    AWS_ACCESS_KEY_ID=<keys/AWS_ACCESS_KEY_ID>
    AWS_SECRET_ACCESS_KEY=<keys/AWS_SECRET_ACCESS_KEY>
    AWS_SESSION_TOKEN=<keys/AWS_SESSION_TOKEN?>
    FLINK_STORE_PLUGINS=flink-s3-fs-presto
    FLINK_STORE_PLUGIN_JARS=flink-s3-fs-presto=https://host/a.jar
    FLINK_STORE_AUTHORITIES=/flink/authorities/s3
    /flink/authorities/s3 <- our-ca
    ");
    let cloud = profile("s3://bucket", Credentials::ServiceAccount("flink".to_owned()), |_| {});
    assert_eq!(lines(&cloud), "FLINK_STORE_PLUGINS=flink-s3-fs-presto\nas flink");
}

#[test]
fn azure_gets_its_key_where_each_scheme_looks_for_it() {
    let host = "state@shop.blob.core.windows.net";
    insta::assert_snapshot!(lines(&profile(&format!("wasbs://{host}/flink"), secret(), |_| {})), @r"
    fs.azure.account.keyprovider.shop.blob.core.windows.net: org.apache.flink.fs.azurefs.EnvironmentVariableKeyProvider
    AZURE_STORAGE_KEY=<keys/AZURE_STORAGE_KEY>
    FLINK_STORE_PLUGINS=flink-azure-fs-hadoop
    ");
    let host = "state@shop.dfs.core.windows.net";
    insta::assert_snapshot!(lines(&profile(&format!("abfss://{host}/flink"), secret(), |_| {})), @r"
    fs.azure.account.key.shop.dfs.core.windows.net: $AZURE_STORAGE_KEY
    AZURE_STORAGE_KEY=<keys/AZURE_STORAGE_KEY>
    FLINK_STORE_PLUGINS=flink-azure-fs-hadoop
    ");
    let emulator = profile("wasb://state@devstoreaccount1/flink", Credentials::Ambient, |_| {});
    insta::assert_snapshot!(lines(&emulator), @r"
    fs.azure.storage.emulator.account.name: devstoreaccount1
    FLINK_STORE_PLUGINS=flink-azure-fs-hadoop
    ");
}

#[test]
fn the_others_get_files_and_variables() {
    insta::assert_snapshot!(lines(&profile("gs://bucket/flink", secret(), |_| {})), @r"
    GOOGLE_APPLICATION_CREDENTIALS=/flink/credentials/gcs/key.json
    FLINK_STORE_PLUGINS=flink-gs-fs-hadoop
    /flink/credentials/gcs <- keys
    ");
    let emulator = profile("gs://bucket/flink", Credentials::Ambient, |access| {
        access.endpoint = Some("http://gcs:4443".to_owned());
    });
    insta::assert_snapshot!(lines(&emulator), @r"
    fs.gs.auth.null.enable: true
    fs.gs.auth.service.account.enable: false
    fs.gs.storage.root.url: http://gcs:4443
    gs.storage.root.url: http://gcs:4443
    NO_GCE_CHECK=true
    FLINK_STORE_PLUGINS=flink-gs-fs-hadoop
    ");
    let oss = profile("oss://bucket/flink", secret(), |access| {
        access.endpoint = Some("https://oss-eu-central-1.aliyuncs.com".to_owned());
    });
    insta::assert_snapshot!(lines(&oss), @r"
    fs.oss.endpoint: https://oss-eu-central-1.aliyuncs.com
    fs.oss.accessKeyId: $OSS_ACCESS_KEY_ID
    fs.oss.accessKeySecret: $OSS_ACCESS_KEY_SECRET
    OSS_ACCESS_KEY_ID=<keys/OSS_ACCESS_KEY_ID>
    OSS_ACCESS_KEY_SECRET=<keys/OSS_ACCESS_KEY_SECRET>
    FLINK_STORE_PLUGINS=flink-oss-fs-hadoop
    ");
    let hdfs = profile("hdfs://namenode:8020/flink", secret(), |access| {
        access.hadoop_conf = Some("hadoop".to_owned());
        access.class_path = Some("/opt/hadoop/lib/*".to_owned());
        access.user = Some("flink".to_owned());
    });
    insta::assert_snapshot!(lines(&hdfs), @r"
    security.kerberos.login.keytab: /flink/credentials/hdfs/keytab
    HADOOP_CONF_DIR=/flink/hadoop-conf
    HADOOP_CLASSPATH=/opt/hadoop/lib/*
    HADOOP_USER_NAME=flink
    /flink/hadoop-conf <- hadoop
    /flink/credentials/hdfs <- keys
    ");
}

#[test]
fn a_profiles_own_keys_win_and_two_kinds_of_store_share_a_pod() -> Result<()> {
    let mut minio = minio(S3Plugin::Presto);
    minio.access.config.set("s3.ssl.enabled", "true");
    let gcs = profile("gs://bucket", secret(), |_| {});
    let wiring = Wiring::of([&minio, &gcs, &minio]);
    assert_eq!(wiring.config.get("s3.ssl.enabled"), Some("true"));
    assert_eq!(wiring.plugins, ["flink-s3-fs-presto", "flink-gs-fs-hadoop"]);
    Ok(())
}

#[test]
fn a_plugin_that_the_version_lacks_is_refused() {
    for version in FlinkVersion::ALL {
        let refused = check(&minio(S3Plugin::Native), version).is_some();
        assert_eq!(refused, version < FlinkVersion::V2_3, "{version}");
        assert!(check(&minio(S3Plugin::Presto), version).is_none());
    }
}

/// Every key that the wiring can set is one that the plugin reads.
#[test]
fn every_key_is_known_to_its_plugin() {
    let known: Vec<(&str, &str)> = include_str!("../../../../tests/data/filesystem-options.tsv")
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split_once('\t'))
        .map(|(key, rest)| (key, rest.split('\t').next().unwrap_or_default()))
        .collect();
    let knows = |plugin: &str, key: &str| {
        known.iter().any(|(known, of)| {
            *of == plugin
                && (*known == key
                    || known.strip_suffix('*').is_some_and(|start| key.starts_with(start)))
        })
    };
    let endpoint = |access: &mut Access| access.endpoint = Some("http://server:1".to_owned());
    let mut stores = vec![
        profile("abfss://state@shop.dfs.core.windows.net/a", secret(), |_| {}),
        profile("wasbs://state@shop.blob.core.windows.net/a", secret(), |_| {}),
        profile("wasb://state@devstoreaccount1/a", secret(), |_| {}),
        profile("gs://bucket", secret(), endpoint),
        profile("gs://bucket", Credentials::Ambient, endpoint),
        profile("oss://bucket", secret(), endpoint),
        profile("hdfs://namenode", secret(), |_| {}),
    ];
    for plugin in [S3Plugin::Presto, S3Plugin::Hadoop, S3Plugin::Native] {
        stores.push(minio(plugin));
    }
    for store in &stores {
        let wiring = Wiring::of([store]);
        let plugin = wiring.plugins.first().copied().unwrap_or("hdfs");
        let keys = wiring.config.iter().chain(wiring.agent_config.iter());
        let keys = keys.map(|(key, _)| key.to_owned());
        for key in keys.chain(wiring.secret_config.into_iter().map(|(key, _)| key)) {
            assert!(knows(plugin, &key), "{plugin} does not read {key}");
        }
    }
}
