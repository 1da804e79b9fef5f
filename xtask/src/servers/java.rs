//! Servers that are Java programs.

use anyhow::Result;

use crate::cluster::Cluster;
use crate::maven::{self, Take};

/// A JVM with the jars of one project of `cluster/maven`.
pub(super) struct Jvm {
    program: String,
    class_path: String,
}

impl Jvm {
    /// Fetches jars and JVM where they are missing.
    pub(super) fn new(cluster: &Cluster, project: &str) -> Result<Jvm> {
        let jars = cluster.shared(&maven::jars(project, Take::All)?)?;
        let program = crate::java::jdk()?.join("bin/java").display().to_string();
        Ok(Jvm { program, class_path: format!("{jars}/*") })
    }

    /// With this folder, of configuration, in front of the jars.
    pub(super) fn with_class_path(self, folder: &str) -> Jvm {
        Jvm { class_path: format!("{folder}:{}", self.class_path), ..self }
    }

    /// Where it finds classes, inside the node.
    pub(super) fn class_path(&self) -> &str {
        &self.class_path
    }

    /// The command line of a main class. The flags are for a small JVM that starts soon, and the user's.
    pub(super) fn command(&self, flags: &[&str], main: &str, arguments: &[&str]) -> Vec<String> {
        let small = ["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"];
        let words = [&small[..], flags, &["-cp", &self.class_path, main], arguments].concat();
        [self.program.as_str()].into_iter().chain(words).map(str::to_owned).collect()
    }
}

/// A configuration file as Hadoop and HBase read it.
pub(super) fn site_xml(settings: &[(&str, String)]) -> String {
    let property = |(name, value): &(&str, String)| {
        format!("<property><name>{name}</name><value>{value}</value></property>\n")
    };
    let properties: String = settings.iter().map(property).collect();
    format!("<configuration>\n{properties}</configuration>\n")
}
