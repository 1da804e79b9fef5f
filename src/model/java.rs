//! The command line of `java`, as Flink's start scripts would write it.

use crate::model::config::FlinkConfig;
use crate::model::flink_version::FlinkVersion;
use crate::model::process::Process;

/// What Flink needs opened on Java 17 and later: `env.java.opts.all` of the `config.yaml` that each
/// version ships. 1.17 runs on Java 8 and 11 only and ships none.
const OPENED: &str = "\
--add-exports=java.rmi/sun.rmi.registry=ALL-UNNAMED \
--add-exports=jdk.compiler/com.sun.tools.javac.api=ALL-UNNAMED \
--add-exports=jdk.compiler/com.sun.tools.javac.file=ALL-UNNAMED \
--add-exports=jdk.compiler/com.sun.tools.javac.parser=ALL-UNNAMED \
--add-exports=jdk.compiler/com.sun.tools.javac.tree=ALL-UNNAMED \
--add-exports=jdk.compiler/com.sun.tools.javac.util=ALL-UNNAMED \
--add-exports=java.security.jgss/sun.security.krb5=ALL-UNNAMED \
--add-opens=java.base/java.lang=ALL-UNNAMED \
--add-opens=java.base/java.net=ALL-UNNAMED \
--add-opens=java.base/java.io=ALL-UNNAMED \
--add-opens=java.base/java.nio=ALL-UNNAMED \
--add-opens=java.base/sun.nio.ch=ALL-UNNAMED \
--add-opens=java.base/java.lang.reflect=ALL-UNNAMED \
--add-opens=java.base/java.text=ALL-UNNAMED \
--add-opens=java.base/java.time=ALL-UNNAMED \
--add-opens=java.base/java.util=ALL-UNNAMED \
--add-opens=java.base/java.util.concurrent=ALL-UNNAMED \
--add-opens=java.base/java.util.concurrent.atomic=ALL-UNNAMED \
--add-opens=java.base/java.util.concurrent.locks=ALL-UNNAMED";

/// In the line of 1.18 to 1.20 only.
const OPENED_BEFORE_2: &str = "--add-exports=java.base/sun.net.util=ALL-UNNAMED";

/// The first compiler tier and the serial collector take 40 % off the CPU that a JobManager needs to start.
const FIRST_TIER: &[&str] = &["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"];

/// A TaskManager needs the full compiler, but for its records, not for its start: with ten times the JVM's
/// default thresholds that takes 2 s of CPU less, and a method that sees every record is still compiled within
/// its first second under load (bench/README.md).
const LAST_TIER_LATER: &[&str] = &[
    "-XX:Tier4InvocationThreshold=50000",
    "-XX:Tier4MinInvocationThreshold=6000",
    "-XX:Tier4CompileThreshold=150000",
    "-XX:Tier4BackEdgeThreshold=400000",
];

/// A heap up to this many bytes belongs to a JobManager that has little to compile and little to collect.
const SMALL_HEAP: u64 = 2 << 30;

/// The flags that open the JDK to Flink.
fn opened(version: FlinkVersion) -> impl Iterator<Item = &'static str> {
    let before_2 = (FlinkVersion::V1_18..FlinkVersion::V2_0).contains(&version);
    let any = version >= FlinkVersion::V1_18;
    let extra = before_2.then_some(OPENED_BEFORE_2);
    extra.into_iter().chain(OPENED.split(' ').filter(move |_| any))
}

/// All flags of a process except its memory: the defaults, then the user's `env.java.opts.*`, so that the
/// user's win.
///
/// # Errors
/// The key and the reason when a value cannot be taken without a shell.
pub fn flags(
    config: &FlinkConfig,
    version: FlinkVersion,
    process: Process,
    heap_bytes: u64,
) -> Result<Vec<String>, (String, String)> {
    // Flink's scripts start with this too: flags of one Java version do not stop another.
    let mut flags = vec!["-XX:+IgnoreUnrecognizedVMOptions".to_owned()];
    let users = user_flags(config, process)?;
    flags.extend(quick_start(process, heap_bytes, &users));
    flags.extend(opened(version).map(str::to_owned));
    flags.extend(users);
    Ok(flags)
}

/// What takes CPU off a start without a cost later. Any flag of the user's about the same keeps ours away: two
/// collectors on one command line would stop the JVM.
fn quick_start(process: Process, heap_bytes: u64, users: &[String]) -> Vec<String> {
    let about =
        |words: &[&str]| users.iter().any(|flag| words.iter().any(|word| flag.contains(word)));
    let flags = match process {
        Process::JobManager if heap_bytes > SMALL_HEAP || about(&["GC", "Tiered"]) => &[][..],
        Process::JobManager => FIRST_TIER,
        Process::TaskManager if about(&["Tier", "CompileThreshold"]) => &[],
        Process::TaskManager => LAST_TIER_LATER,
    };
    flags.iter().map(|&flag| flag.to_owned()).collect()
}

fn user_flags(config: &FlinkConfig, process: Process) -> Result<Vec<String>, (String, String)> {
    let of_process =
        ["env.java.default-opts.", "env.java.opts."].map(|key| format!("{key}{process}"));
    let keys = ["env.java.default-opts.all", "env.java.opts.all", &of_process[0], &of_process[1]];
    let mut flags = Vec::new();
    for (key, value) in keys.iter().filter_map(|key| config.find(key)) {
        flags.extend(words(value).map_err(|reason| (key.to_owned(), reason))?);
    }
    Ok(flags)
}

/// Splits a value as a shell would, without its expansions.
fn words(text: &str) -> Result<Vec<String>, String> {
    if text.contains(['$', '`']) {
        return Err(
            "it holds '$' or '`', and java is started without a shell to expand them".to_owned()
        );
    }
    shlex::split(text).ok_or_else(|| "its quotes do not match".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flags_of(pairs: &[(&str, &str)], process: Process) -> Vec<String> {
        let mut config = FlinkConfig::default();
        pairs.iter().for_each(|(key, value)| config.set(key, *value));
        flags(&config, FlinkVersion::V2_3, process, 1 << 30).expect("flags")
    }

    #[test]
    fn user_flags_come_last_and_keep_their_words() {
        let flags = flags_of(
            &[
                ("env.java.opts.all", "-Da='b c' -Dd=e"),
                ("env.java.opts.taskmanager", "-Dtm=1"),
                ("env.java.opts.jobmanager", "-Djm=1"),
            ],
            Process::TaskManager,
        );
        assert_eq!(flags[flags.len() - 3..], ["-Da=b c", "-Dd=e", "-Dtm=1"]);
        assert!(!flags.contains(&"-XX:+UseSerialGC".to_owned()));
    }

    #[test]
    fn the_users_collector_replaces_ours() {
        let serial = "-XX:+UseSerialGC".to_owned();
        assert!(flags_of(&[], Process::JobManager).contains(&serial));
        let zgc = [("env.java.opts.jobmanager", "-XX:+UseZGC")];
        assert!(!flags_of(&zgc, Process::JobManager).contains(&serial));
    }

    #[test]
    fn the_users_compiler_settings_replace_ours() {
        let later = LAST_TIER_LATER[0].to_owned();
        assert!(flags_of(&[], Process::TaskManager).contains(&later));
        assert!(!flags_of(&[], Process::JobManager).contains(&later));
        let first = [("env.java.opts.all", "-XX:TieredStopAtLevel=1")];
        assert!(!flags_of(&first, Process::TaskManager).contains(&later));
    }

    #[test]
    fn refuses_what_only_a_shell_could_read() {
        let mut config = FlinkConfig::default();
        config.set("env.java.opts", "-Dhost=$HOSTNAME");
        let refusal =
            flags(&config, FlinkVersion::V2_3, Process::JobManager, 0).expect_err("shell");
        assert_eq!(refusal.0, "env.java.opts");
        config.set("env.java.opts", "-Da='b");
        assert!(flags(&config, FlinkVersion::V2_3, Process::JobManager, 0).is_err());
    }

    #[test]
    fn opens_what_each_version_ships() {
        // The number of words in env.java.opts.all of conf/config.yaml.
        for (version, count) in
            [(FlinkVersion::V1_17, 0), (FlinkVersion::V1_20, 20), (FlinkVersion::V2_3, 19)]
        {
            assert_eq!(opened(version).count(), count, "{version}");
        }
    }
}
