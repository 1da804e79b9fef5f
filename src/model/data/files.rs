//! The configuration files of the clients, made of what a data store is.

use super::binding::Binding;
use super::store::Tls;
use super::uri::DataKind;

/// HBase's folder in ZooKeeper when nobody says another one.
pub(super) const ZNODE_PARENT: &str = "/hbase";

/// The name of the file in the store's folder, and its content.
pub(super) fn render(binding: &Binding) -> (&'static str, String) {
    match binding.store.kind() {
        DataKind::Cassandra => ("application.conf", driver(binding)),
        DataKind::Hbase => ("hbase-site.xml", site(binding)),
    }
}

/// What `DriverConfigLoader.fromFile` of Cassandra's Java driver 4 reads. The names are those of its `reference.conf`; the
/// secrets are in the environment, where the driver looks for them.
fn driver(binding: &Binding) -> String {
    let (store, prefix) = (&binding.store, binding.prefix());
    let hosts: Vec<String> = store.uri.hosts().iter().map(|host| quoted(host)).collect();
    let mut lines = vec![
        format!("basic.contact-points = [{}]", hosts.join(", ")),
        format!("basic.session-keyspace = {}", quoted(&identifier(store.uri.space()))),
        format!("basic.request.consistency = {}", quoted(store.level().as_str())),
    ];
    if let Some(datacenter) = &store.local_datacenter {
        let key = "basic.load-balancing-policy.local-datacenter";
        lines.push(format!("{key} = {}", quoted(datacenter)));
    }
    if store.secret.is_some() {
        lines.extend([
            "advanced.auth-provider.class = PlainTextAuthProvider".to_owned(),
            format!("advanced.auth-provider.username = ${{{prefix}_USERNAME}}"),
            format!("advanced.auth-provider.password = ${{{prefix}_PASSWORD}}"),
        ]);
    }
    if let Some(tls) = store.tls {
        let factory = "advanced.ssl-engine-factory";
        lines.push(format!("{factory}.class = DefaultSslEngineFactory"));
        if tls == Tls::Truststore {
            let path = format!("{}/truststore.p12", binding.folder());
            lines.push(format!("{factory}.truststore-path = {}", quoted(&path)));
            lines
                .push(format!("{factory}.truststore-password = ${{{prefix}_TRUSTSTORE_PASSWORD}}"));
        }
    }
    lines.extend(store.settings.iter().map(|(key, value)| format!("{key} = {}", quoted(value))));
    let lines: String = lines.iter().map(|line| format!("  {line}\n")).collect();
    format!("datastax-java-driver {{\n{lines}}}\n")
}

/// As JSON and HOCON have strings.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// CQL takes capitals for small letters unless they are quoted.
fn identifier(name: &str) -> String {
    let plain = name.starts_with(|c: char| c.is_ascii_lowercase())
        && !name.bytes().any(|b| b.is_ascii_uppercase());
    if plain { name.to_owned() } else { format!("\"{name}\"") }
}

/// What `HBaseConfiguration.create` reads from the class path, or `Configuration.addResource` from a file.
fn site(binding: &Binding) -> String {
    let store = &binding.store;
    let parent = store.znode_parent.as_deref().unwrap_or(ZNODE_PARENT);
    let quorum = store.uri.hosts().join(",");
    let mut all =
        vec![("hbase.zookeeper.quorum", quorum.as_str()), ("zookeeper.znode.parent", parent)];
    all.extend(store.settings.iter().map(|(key, value)| (key.as_str(), value.as_str())));
    let property = |(name, value): (&str, &str)| {
        let value = value.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
        format!("  <property><name>{name}</name><value>{value}</value></property>\n")
    };
    let properties: String = all.into_iter().map(property).collect();
    format!("<configuration>\n{properties}</configuration>\n")
}
