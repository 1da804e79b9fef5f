//! Jobs that write rows to a database, by the address and the password of a data store. A test's name starts its server.

use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use serde_json::Value;

use crate::support::records::{self, exactly_once};
use crate::support::{App, PATIENCE, Running, Sandbox, Server, eventually, schema};

const LIMIT: Duration = Duration::from_secs(180);

/// The clients bring thousands of classes, and a second JVM has to fit for a moment, which prints the rows.
const ROOM: &[&str] = &[
    "--data-store=rows",
    "--set=taskmanager.memory.jvm-metaspace.size=160m",
    "--set=kubernetes.taskmanager.memory.limit-factor=1.8",
];

/// The rows that are in the store, as a client finds them that has the job's variables and files.
fn rows(app: &App<'_>, class: &str) -> u64 {
    let print = format!(
        "java -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Xmx96m \
         -cp \"$(ls /flink/state/*/*/jars/*.jar):/opt/flink/lib/*\" {class} --print 2>/dev/null"
    );
    exactly_once(&records::parse(&app.shell(&print)))
}

fn wait_for_rows(app: &App<'_>, class: &str, n: u64) -> u64 {
    eventually(&format!("{n} rows"), PATIENCE, || {
        Some(rows(app, class)).filter(|&found| found >= n)
    })
}

/// From a deploy over an upgrade to a delete and a restore: each row is there once, with the count that it must have.
fn each_row_once(sandbox: &Sandbox, job: &str, class: &str) {
    let app = App::new(sandbox, "orders");
    let deployed = app.deploy_job(job, class, ROOM);
    deployed.success();
    assert!(deployed.to_string().contains("no connector for"), "{deployed}");
    let before = wait_for_rows(&app, class, 50);
    let used = sandbox.run(&["storage", "delete", "rows", "-y"]);
    used.fails(4, &["is bound to orders"]);

    let upgrade = [ROOM, &["--task-slots=2"]].concat();
    app.deploy_job(job, class, &upgrade).success();
    let before = wait_for_rows(&app, class, before + 50);
    app.run("delete", &["-y"]).success();
    app.run("restore", &["--storage=claim:orders-state"]).success();
    wait_for_rows(&app, class, before + 50);

    app.run("delete", &["-y"]).success();
    sandbox.run(&["storage", "delete", "rows", "-y"]).success();
}

/// Checks the store, and that the measurement says what it must; gives the answer.
fn checked(sandbox: &Sandbox) -> Value {
    let words = ["storage", "check", "rows", "--duration=6s", "-o", "json"];
    let answer: Value = serde_json::from_str(&sandbox.run_for(LIMIT, &words).success()).unwrap();
    schema::holds("DataCheckView", &answer);
    let measured = &answer["measured"];
    assert_eq!(measured["failures"], serde_json::json!([]), "{answer:#}");
    assert_eq!(measured["readAfterWrite"]["rows"], 20, "{answer:#}");
    assert_eq!(measured["readAfterWrite"]["stale"], 0, "{answer:#}");
    for of in ["write", "read"] {
        let samples = measured["latency"][of].as_array().unwrap();
        assert!(samples.len() >= 100, "{of}: {} samples", samples.len());
    }
    no_pods(sandbox);
    answer
}

/// Checks a store that cannot serve; the verdict has the reason.
fn judged_bad(sandbox: &Sandbox, name: &str, reason: &str) {
    let refused = sandbox.run_for(LIMIT, &["storage", "check", name, "--duration=6s"]);
    refused.fails(8, &["does not serve a job"]);
    assert!(refused.stdout.contains(reason), "{reason}: {refused}");
}

/// Interrupts a check while it measures; what it made is gone, then.
fn interrupted(sandbox: &Sandbox) {
    let check = ["storage", "check", "rows", "--duration=60s"];
    let running = Running::start(&mut sandbox.command(&check));
    running.wait_to_say("measuring latency", LIMIT);
    running.interrupt();
    sandbox.finish(running, LIMIT).fails(130, &["interrupted"]);
    no_pods(sandbox);
}

fn no_pods(sandbox: &Sandbox) {
    eventually("the pods of the check to go", Duration::from_secs(60), || {
        let pods: Vec<Pod> = sandbox.cluster.list(&sandbox.cluster.api(&sandbox.namespace), "");
        pods.is_empty().then_some(())
    });
}

#[test]
#[ignore = "needs a node: cargo xtask test --layer e2e"]
fn cassandra_has_each_row_once_and_is_measured() {
    let sandbox = Sandbox::new();
    let server = Server::named("cassandra");
    let class = "jobs.CassandraRows";
    let keyspace = sandbox.namespace.replace('-', "_");
    let (datacenter, user, password) =
        (server.fact("datacenter"), server.fact("user"), server.fact("password"));
    let make = [server.fact("endpoint"), datacenter, user, password, &keyspace];
    // Its first user is made after it has begun to listen.
    let made = || server.try_tool("jobs.Keyspace", &make).ok();
    assert_eq!(eventually("Cassandra to let its user in", LIMIT, made), "", "no tables yet");
    let uri = format!("cassandra://{}/{keyspace}", server.fact("endpoint"));
    let datacenter = format!("--local-datacenter={datacenter}");
    let (user, secret) =
        (format!("--from-literal=username={user}"), format!("--from-literal=password={password}"));
    let create = |name: &str, uri: &str, secret: &str| {
        sandbox.run(&["storage", "create", name, uri, &datacenter, &user, secret]).success();
    };
    create("rows", &uri, &secret);
    let answer = checked(&sandbox);
    assert_eq!(answer["consistency"], "LOCAL_QUORUM");
    assert!(answer["measured"]["facts"]["product"].as_str().unwrap().starts_with("Cassandra 5"));
    // One node, one replica: it serves, and the check says what that means.
    assert_eq!(answer["verdicts"][0]["grade"], "fair", "{answer:#}");
    interrupted(&sandbox);
    assert_eq!(server.tool("jobs.Keyspace", &make), "", "the tables of the checks are gone");

    // What cannot work is told with the store's own reason.
    create("wrong", &uri, "--from-literal=password=wrong");
    judged_bad(&sandbox, "wrong", "and/or password are incorrect");
    create("nowhere", &uri.replace(&keyspace, "nowhere"), &secret);
    judged_bad(&sandbox, "nowhere", "there is no keyspace nowhere");

    each_row_once(&sandbox, server.fact("job"), class);
}

#[test]
#[ignore = "needs a node: cargo xtask test --layer e2e"]
fn hbase_has_each_row_once_and_is_measured() {
    let sandbox = Sandbox::new();
    let server = Server::named("hbase");
    let quorum = server.fact("zookeeper");
    let uri = format!("hbase://{quorum}/default:{}", sandbox.namespace);
    sandbox.run(&["storage", "create", "rows", &uri]).success();
    // It listens before its master has handed out the regions.
    let check = ["storage", "check", "rows", "--duration=5s"];
    eventually("HBase to serve", LIMIT, || {
        (sandbox.run_for(LIMIT, &check).code == 0).then_some(())
    });
    let answer = checked(&sandbox);
    assert_eq!(answer["verdicts"][0]["grade"], "good", "{answer:#}");
    interrupted(&sandbox);
    let tables = server.tool("jobs.Tables", &[quorum]);
    assert!(!tables.contains("kubectl_flink_check_"), "of the checks: {tables}");

    let nowhere = ["storage", "create", "nowhere", &uri, "--znode-parent=/nowhere"];
    sandbox.run(&nowhere).success();
    judged_bad(&sandbox, "nowhere", "there is no /nowhere/meta-region-server in ZooKeeper");

    each_row_once(&sandbox, server.fact("job"), "jobs.HBaseRows");
}
