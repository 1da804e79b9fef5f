//! HDFS: no plugin, but Hadoop's client on the class path and its configuration in a folder.

use super::{Wiring, variable};
use crate::model::store::profile::Profile;

const CONF: &str = "/flink/hadoop-conf";

pub(super) fn wire(wiring: &mut Wiring, store: &Profile) {
    let access = &store.access;
    if let Some(config_map) = &access.hadoop_conf {
        wiring.config_map_files("flink-hadoop-conf", config_map, CONF);
        wiring.env.push(variable("HADOOP_CONF_DIR", CONF));
    }
    // Without it the image's own variable is used.
    if let Some(class_path) = &access.class_path {
        wiring.env.push(variable("HADOOP_CLASSPATH", class_path));
    }
    if let Some(user) = &access.user {
        wiring.env.push(variable("HADOOP_USER_NAME", user));
    }
    // Kerberos: the principal is not secret, and `security.kerberos.login.principal` is the profile's to say.
    if let Some(path) = wiring.secret_files(store) {
        wiring.set("security.kerberos.login.keytab", &format!("{path}/keytab"));
    }
}
