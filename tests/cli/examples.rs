//! The examples of `--help`, run: what changes something as a dry run, everything else as it stands. That all of them are
//! understood is `repo::examples`' business.

use std::io::{Cursor, Write};
use std::process::Command;

use crate::support::{Flink, Outcome, Proxy, Sandbox};

/// What cannot be run here: it follows what goes on, asks a pod or a storage elsewhere, or needs an operation that was left.
const NOT_HERE: &[&str] = &[
    " -w",
    " logs ",
    " restore ",
    " resume ",
    " abort ",
    " show ",
    " --attach ",
    " minio",
    " prod",
    " hdfs:",
    " move ",
    " checkpoint ",
    " check ",
    " advise ",
    // Whether there are volume snapshots at all depends on which other test runs.
    " --from-snapshot ",
];

/// The command lines below "Examples:", up to where the shell takes over.
fn examples(command: &clap::Command, found: &mut Vec<Vec<String>>) {
    let text = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    for line in text.lines().map(str::trim).filter(|line| line.starts_with("kubectl flink")) {
        if NOT_HERE.iter().any(|not| format!("{line} ").contains(not)) {
            continue;
        }
        let words = shlex::split(line).unwrap();
        let own = words.into_iter().take_while(|word| !["|", ">", "||"].contains(&word.as_str()));
        found.push(own.skip(2).collect());
    }
    command.get_subcommands().for_each(|below| examples(below, found));
}

struct Place {
    sandbox: Sandbox,
    proxy: Proxy,
}

impl Place {
    /// The files that examples name, and nothing in the cluster.
    fn new() -> Place {
        let sandbox = Sandbox::new();
        sandbox.storage_class("example.com/volumes");
        let mut jar = zip::ZipWriter::new(Cursor::new(Vec::new()));
        jar.start_file("META-INF/MANIFEST.MF", zip::write::SimpleFileOptions::default()).unwrap();
        jar.write_all(b"Manifest-Version: 1.0\nMain-Class: shop.Orders\n").unwrap();
        let jar = jar.finish().unwrap().into_inner();
        sandbox.write("orders.jar", &jar);
        sandbox.write("orders-2.jar", &jar);
        sandbox.write("password", "x");
        std::fs::create_dir(sandbox.path("bin")).unwrap();
        let storage = format!("pvc:1Gi,class={}", sandbox.namespace);
        for (file, name) in [("orders.yaml", "orders"), ("applications/more/rides.yaml", "rides")] {
            sandbox.write(file, format!("apiVersion: flink.apache.org/v1beta1\nkind: FlinkDeployment\nmetadata:\n  name: {name}\n  annotations: {{kubectl-flink.io/storage: '{storage}'}}\nspec:\n  flinkVersion: v2_3\n  job: {{jarURI: local:///opt/flink/usrlib/x.jar}}\n"));
        }
        let proxy = Proxy::start(&sandbox.path("kubeconfig"), Some(Flink::default()));
        Place { sandbox, proxy }
    }

    fn run(&self, words: &[String]) -> Outcome {
        let own = format!("class={}", self.sandbox.namespace);
        let fill = |word: &String| match word.strip_prefix("pvc:") {
            Some(rest) => format!("pvc:{},{own}", rest.replace(",class=nfs", "")),
            None => word.replace('~', &self.sandbox.path("").display().to_string()),
        };
        let mut words: Vec<String> = words.iter().map(fill).collect();
        let end = words.iter().position(|word| word == "--").unwrap_or(words.len());
        let mut flags = vec![format!("--server=http://{}", self.proxy.address)];
        let changes = ["deploy", "stop", "start", "delete", "storage create", "storage delete"];
        let line = words.join(" ");
        if changes.iter().any(|verb| line.starts_with(verb)) && !line.contains("--dry-run") {
            flags.push("--dry-run=client".to_owned());
        }
        if line.starts_with("deploy orders") && !line.contains("--storage") {
            flags.push(format!("--storage=pvc:1Gi,{own}"));
        }
        words.splice(end..end, flags);
        let mut command: Command = self.sandbox.command(&words);
        command.env("PATH", self.sandbox.path(""));
        self.sandbox.start(&mut command)
    }
}

#[test]
#[ignore = "needs an API server: cargo xtask test --layer cli"]
fn the_examples_of_the_help_do_what_they_say() {
    let mut root = kubectl_flink::cli::command("kubectl flink".to_owned());
    root.build();
    let mut all = Vec::new();
    examples(&root, &mut all);
    assert!(all.len() > 25, "only {} examples were found", all.len());
    let words = |line: &str| line.split(' ').map(str::to_owned).collect::<Vec<_>>();
    // Deployments first, where there is nothing; the others on an application that runs.
    let (deploys, rest): (Vec<_>, Vec<_>) = all.into_iter().partition(|words| words[0] == "deploy");
    let empty = Place::new();
    let create = ["storage", "create", "rows", "hbase://zookeeper1/shop"];
    empty.sandbox.run(&create).success();
    for words in &deploys {
        // What is on a claim that is there already, a pod has to look for.
        if !words.iter().any(|word| word.starts_with("claim:")) {
            empty.run(words).success();
        }
    }
    let place = Place::new();
    let deploy =
        "deploy orders --jar local:///opt/flink/usrlib/orders.jar --no-wait --dry-run=none";
    place.run(&words(deploy)).success();
    std::fs::write(place.sandbox.path("kubectl-flink"), "").unwrap();
    for words in &rest {
        let outcome = place.run(words);
        let code = match words.join(" ").as_str() {
            // The application runs, so it cannot be started, and its claim is in use.
            line if line.starts_with("start") => 4,
            "storage delete orders-state" => 4,
            // Nothing makes volumes here, so there is none that could grow or be copied.
            line if line.starts_with("storage resize") || line.starts_with("storage snapshot") => 8,
            _ => 0,
        };
        assert_eq!(outcome.code, code, "{words:?}\n{outcome}");
    }
}
