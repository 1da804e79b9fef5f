//! Ways to an API server: files, certificates, credential plugins, proxies, pods.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use base64::Engine;
use insta::assert_snapshot;
use kube::config::Kubeconfig;
use serde_json::json;

use crate::support::{Outcome, Sandbox};

/// What a user must be allowed for `list`.
fn lister() -> serde_json::Value {
    json!([
        {"apiGroups": [""], "resources": ["services"], "verbs": ["list"]},
        {"apiGroups": ["apps"], "resources": ["controllerrevisions"], "verbs": ["list"]},
    ])
}

fn list(sandbox: &Sandbox, flags: &[&str]) -> Outcome {
    sandbox.run(&[&["list", "-q"], flags].concat())
}

/// One of the sandbox's kubeconfigs, and the address of the API server in it.
fn config(sandbox: &Sandbox, name: &str) -> (Kubeconfig, String) {
    let config = Kubeconfig::read_from(sandbox.path(name)).unwrap();
    let server = config.clusters[0].cluster.as_ref().unwrap().server.clone().unwrap();
    (config, server)
}

/// What a kubeconfig holds in base64, as a file.
fn unpack(sandbox: &Sandbox, name: &str, data: Option<String>) -> String {
    let bytes = base64::prelude::BASE64_STANDARD.decode(data.expect("it is in the file")).unwrap();
    sandbox.write(name, bytes).display().to_string()
}

fn authority(sandbox: &Sandbox) -> String {
    let (config, _) = config(sandbox, "kubeconfig");
    let data = config.clusters[0].cluster.clone().unwrap().certificate_authority_data;
    unpack(sandbox, "ca.crt", data)
}

/// A value of the user in the sandbox's kubeconfig, which its type would not give away.
fn data(sandbox: &Sandbox, key: &str) -> String {
    let text = std::fs::read_to_string(sandbox.path("kubeconfig")).unwrap();
    let config: serde_json::Value = serde_json::from_str(&text).unwrap();
    config["users"][0]["user"][key].as_str().expect("it is in the file").to_owned()
}

/// The token of a user that may list, as the file `lister` has it.
fn token(sandbox: &Sandbox) -> String {
    sandbox.write_user("lister", &lister());
    let text = std::fs::read_to_string(sandbox.path("lister")).unwrap();
    let config: serde_json::Value = serde_json::from_str(&text).unwrap();
    config["users"][0]["user"]["token"].as_str().unwrap().to_owned()
}

#[test]
#[ignore = "needs an API server: cargo xtask test --layer cli"]
fn files_of_the_variable_are_one_kubeconfig() {
    let sandbox = Sandbox::new();
    sandbox.edit_kubeconfig("clusters", |config| {
        config.auth_infos.clear();
        config.current_context = None;
    });
    sandbox.edit_kubeconfig("users", |config| {
        config.clusters.clear();
        config.contexts.clear();
    });
    let files = ["missing", "clusters", "users"].map(|name| sandbox.path(name));
    let run = |files: &[std::path::PathBuf]| {
        let mut command = sandbox.command(&["list", "-q"]);
        command.env("KUBECONFIG", std::env::join_paths(files).unwrap());
        sandbox.start(&mut command)
    };
    run(&files).success();
    assert_snapshot!(run(&files[..2]), @r#"
    exit code: 2
    ---- stdout
    ---- stderr
    error: the kubeconfig has no current context
    hint: Choose one with --context. Contexts in the kubeconfig: test.
    "#);
}

#[test]
#[ignore = "needs an API server: cargo xtask test --layer cli"]
fn flags_alone_are_enough_and_a_certificate_of_ones_own_is_trusted_when_it_is_named() {
    let sandbox = Sandbox::new();
    let (config, server) = config(&sandbox, "kubeconfig");
    let user = config.auth_infos[0].auth_info.clone().unwrap();
    let ca = authority(&sandbox);
    let certificate = unpack(&sandbox, "user.crt", user.client_certificate_data);
    let key = unpack(&sandbox, "user.key", Some(data(&sandbox, "client-key-data")));
    let run = |flags: &[&str]| {
        let identity = [
            "list",
            "-q",
            "--server",
            &server,
            "--client-certificate",
            &certificate,
            "--client-key",
            &key,
        ];
        let mut command = sandbox.command(&[&identity, flags].concat());
        command.env_remove("KUBECONFIG");
        sandbox.start(&mut command)
    };
    run(&["--certificate-authority", &ca]).success();
    run(&["--insecure-skip-tls-verify"]).success();
    run(&["--certificate-authority", &ca, "--tls-server-name", "localhost"]).success();
    run(&[]).fails(5, &["certificate is not trusted", "--certificate-authority"]);
    run(&["--certificate-authority", &ca, "--tls-server-name", "elsewhere"])
        .fails(5, &["certificate is not trusted"]);
    run(&["--certificate-authority", &key]).fails(2, &["holds no certificate"]);
}

#[test]
#[ignore = "needs an API server: cargo xtask test --layer cli"]
fn a_credential_plugin_is_asked_and_its_failure_shows_no_secret() {
    let sandbox = Sandbox::new();
    let token = token(&sandbox);
    let credential = json!({
        "apiVersion": "client.authentication.k8s.io/v1",
        "kind": "ExecCredential",
        "status": {"token": token},
    });
    let with_plugin = |name: &str, script: &str| {
        let path = sandbox.write(&format!("{name}.sh"), format!("#!/bin/sh\n{script}\n"));
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).unwrap();
        sandbox.edit_kubeconfig(name, |config| {
            let user = config.auth_infos[0].auth_info.as_mut().unwrap();
            *user = serde_json::from_value(json!({"exec": {
                "apiVersion": "client.authentication.k8s.io/v1",
                "command": path,
                "args": ["--password=hunter22"],
                "env": [{"name": "REGION", "value": "north"}],
                "interactiveMode": "Never",
            }}))
            .unwrap();
        });
        list(&sandbox, &["--kubeconfig", name])
    };
    with_plugin("works", &format!("test \"$REGION\" = north && echo '{credential}'")).success();
    assert_snapshot!(with_plugin("fails", "echo opensesame; exit 3"), @r"
    exit code: 6
    ---- stdout
    ---- stderr
    error: failed to set up the connection to the API server: the credential plugin failed with exit status: 3
    hint: Run the same context with kubectl: it uses the same credential plugin.
    ");
    assert_snapshot!(with_plugin("babbles", "echo opensesame"), @r"
    exit code: 6
    ---- stdout
    ---- stderr
    error: failed to set up the connection to the API server: the credential plugin's answer is not an ExecCredential
    hint: Run the same context with kubectl: it uses the same credential plugin.
    ");
    std::fs::remove_file(sandbox.path("works.sh")).unwrap();
    list(&sandbox, &["--kubeconfig", "works"]).fails(6, &["could not be started", "hint: "]);
}

/// A proxy that tunnels (CONNECT); counts its tunnels.
fn tunnels() -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let count = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&count);
    std::thread::spawn(move || {
        for client in listener.incoming().map_while(Result::ok) {
            counter.fetch_add(1, Ordering::Relaxed);
            std::thread::spawn(move || tunnel(client));
        }
    });
    (address, count)
}

fn tunnel(mut client: TcpStream) {
    let mut head = BufReader::new(client.try_clone().unwrap());
    let mut line = String::new();
    head.read_line(&mut line).unwrap();
    let target = line.split(' ').nth(1).unwrap().to_owned();
    while line != "\r\n" {
        line.clear();
        head.read_line(&mut line).unwrap();
    }
    // The name of the API server that only the proxy knows.
    let port = target.rsplit(':').next().unwrap();
    let mut server = TcpStream::connect(format!("127.0.0.1:{port}")).unwrap();
    client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").unwrap();
    let (mut up, mut down) = (server.try_clone().unwrap(), client.try_clone().unwrap());
    let there = std::thread::spawn(move || drop(std::io::copy(&mut head, &mut up)));
    let _ = std::io::copy(&mut server, &mut down);
    drop(there);
}

#[test]
#[ignore = "needs an API server: cargo xtask test --layer cli"]
fn a_proxy_of_the_kubeconfig_or_of_the_environment_is_used_unless_the_server_is_excepted() {
    let sandbox = Sandbox::new();
    let (proxy, tunnels) = tunnels();
    let used = || tunnels.swap(0, Ordering::Relaxed) > 0;
    let (_, server) = config(&sandbox, "kubeconfig");
    // Only the proxy knows this name; the certificate is for another one.
    let behind = server.replace("127.0.0.1", "api.example");
    sandbox.edit_kubeconfig("behind", |config| {
        let cluster = config.clusters[0].cluster.as_mut().unwrap();
        cluster.server = Some(behind.clone());
        cluster.tls_server_name = Some("localhost".to_owned());
    });
    sandbox.edit_kubeconfig("by-url", |config| {
        config.clusters[0].cluster.as_mut().unwrap().proxy_url = Some(format!("http://{proxy}"));
    });
    let run = |name: &str, variables: &[(&str, &str)]| {
        let mut command = sandbox.command(&["list", "-q", "--kubeconfig", name]);
        command.envs(variables.iter().copied());
        sandbox.start(&mut command)
    };
    run("by-url", &[]).success();
    assert!(used(), "proxy-url");
    run("by-url", &[("NO_PROXY", "127.0.0.1")]).success();
    assert!(used(), "what the kubeconfig says is not excepted");
    run("behind", &[("HTTPS_PROXY", &proxy)]).success();
    assert!(used(), "HTTPS_PROXY");
    run("behind", &[("https_proxy", &proxy), ("NO_PROXY", "other.example")]).success();
    assert!(used(), "another server is excepted");
    run("behind", &[("HTTPS_PROXY", &proxy), ("NO_PROXY", ".example")])
        .fails(5, &["cannot reach the API server"]);
    run("kubeconfig", &[("HTTPS_PROXY", &proxy)]).success();
    assert!(!used(), "an excepted server, or this machine");
    run("behind", &[("HTTPS_PROXY", "http://user:s3cret@")]).fails(2, &["HTTPS_PROXY", "hint: "]);
}

/// A pod's files stand at a fixed place, so the command sees a `/run` of its own.
#[test]
#[ignore = "needs an API server: cargo xtask test --layer cli"]
fn in_a_pod_its_service_account_is_used() {
    let sandbox = Sandbox::new();
    let (_, server) = config(&sandbox, "kubeconfig");
    let (token, ca) = (token(&sandbox), authority(&sandbox));
    sandbox.write("token", token);
    sandbox.write("namespace", &sandbox.namespace);
    let plugin = sandbox.command::<&str>(&[]);
    let script = format!(
        "mount -t tmpfs none /run && d=/run/secrets/kubernetes.io/serviceaccount && mkdir -p $d && \
         cp '{ca}' token namespace $d && exec '{}' list",
        plugin.get_program().display()
    );
    let port = server.rsplit(':').next().unwrap();
    let mut command = Command::new("unshare");
    command.args(["--mount", "sh", "-c", &script]).current_dir(sandbox.path("")).env_clear();
    command.env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").env("HOME", sandbox.path(""));
    command.env("KUBERNETES_SERVICE_HOST", "127.0.0.1").env("KUBERNETES_SERVICE_PORT", port);
    assert_snapshot!(sandbox.start(&mut command), @r#"
    exit code: 0
    ---- stdout
    ---- stderr
    No applications found in namespace "test-00000".
    hint: Deploy one with `kubectl flink deploy NAME --jar PATH`.
    "#);
}
