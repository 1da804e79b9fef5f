//! The real plugins of stores that no server can be had of: what they ask for, wired as in a pod, and by which key.
//!
//! A server on this machine writes down each request and answers 403.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::sync::mpsc;

use super::*;
use crate::manifest;
use crate::model::config::FlinkConfig;
use crate::model::store::{Credentials, Profile, Wiring};

/// Folders with the jars of Flink's file systems, in the order of [`HOMES`].
const OPTS: &str = "KUBECTL_FLINK_TEST_FLINK_OPTS";

/// Requests, each with its headers, to a server of this address.
fn server() -> Result<(String, mpsc::Receiver<String>)> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?.to_string();
    let (sender, requests) = mpsc::channel();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let lines = BufReader::new(&stream).lines().map_while(std::io::Result::ok);
            let head: Vec<String> = lines.take_while(|line| !line.is_empty()).collect();
            let answer = "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
            let _ = (&stream).write_all(answer.as_bytes());
            if sender.send(head.join("\n")).is_err() {
                return;
            }
        }
    });
    Ok((address, requests))
}

/// Has an agent look for a file on the store, in an environment as Kubernetes makes it of a pod's.
async fn look(
    home: &Path,
    opt: &str,
    profile: &Profile,
    secrets: &[(&str, &str)],
    jvm: &str,
) -> Result<()> {
    let dir = tempfile::tempdir()?;
    let below = |name: &str| dir.path().join(name).display().to_string();
    let wiring = Wiring::of([profile]);
    let of_secret =
        |name: &str| secrets.iter().find(|(key, _)| *key == name).map(|(_, value)| *value);
    let mut env = Vec::new();
    for variable in manifest::agent_env(&wiring, &FlinkConfig::default())? {
        let Some(mut value) =
            variable.value.or_else(|| of_secret(&variable.name).map(str::to_owned))
        else {
            continue;
        };
        for (name, secret) in secrets {
            value = value.replace(&format!("$({name})"), secret);
        }
        env.push((variable.name, value));
    }
    env.retain(|(name, _)| name != "FLINK_CONF_DIR");
    env.push(("FLINK_CONF_DIR".to_owned(), below("conf")));
    env.push(("FLINK_PLUGINS_DIR".to_owned(), below("plugins")));
    env.push(("FLINK_OPT_DIR".to_owned(), opt.to_owned()));
    env.push(("JAVA_TOOL_OPTIONS".to_owned(), jvm.to_owned()));
    let mut here = Here::new(home, dir.path());
    (here.prelude, here.env) = (manifest::PRELUDE, env);
    let store = AgentStore::new(here);
    let refused = store.stat(&format!("{}/x", profile.uri)).await;
    assert!(refused.is_err(), "everything is refused");
    store.close().await;
    Ok(())
}

fn versions() -> Vec<(PathBuf, String)> {
    let opts = std::env::var(OPTS).expect("cargo xtask test says where the plugins are");
    homes().into_iter().zip(opts.split(':').map(str::to_owned)).collect()
}

#[tokio::test]
#[ignore = "needs Flink: cargo xtask test --layer unit"]
async fn oss_is_asked_where_and_with_the_key_that_the_profile_says() -> Result<()> {
    for (home, opt) in versions() {
        let (address, requests) = server()?;
        let mut profile = Profile::ambient("oss://bucket/flink".parse()?);
        profile.access.endpoint = Some(format!("http://{address}"));
        profile.credentials = Credentials::Secret("keys".to_owned());
        let secrets = [("OSS_ACCESS_KEY_ID", "the-id"), ("OSS_ACCESS_KEY_SECRET", "the-secret")];
        look(&home, &opt, &profile, &secrets, "").await?;
        let request = requests.recv()?;
        assert!(request.contains("flink/x"), "{request}");
        assert!(request.contains("Authorization: OSS the-id:"), "{request}");
    }
    Ok(())
}

#[tokio::test]
#[ignore = "needs Flink: cargo xtask test --layer unit"]
async fn abfs_is_asked_for_the_container_with_the_accounts_key() -> Result<()> {
    for (home, opt) in versions() {
        // A proxy sees what goes to a host that only the cloud has.
        let (address, requests) = server()?;
        let (host, port) = address.split_once(':').context("a port")?;
        let mut profile = Profile::ambient("abfs://state@shop.dfs.core.windows.net/flink".parse()?);
        profile.access.config.set("fs.azure.always.use.https", "false");
        profile.credentials = Credentials::Secret("keys".to_owned());
        let secrets = [("AZURE_STORAGE_KEY", "dGhlLWtleQ==")];
        let jvm = format!("-Dhttp.proxyHost={host} -Dhttp.proxyPort={port}");
        look(&home, &opt, &profile, &secrets, &jvm).await?;
        let request = requests.recv()?;
        assert!(request.contains("http://shop.dfs.core.windows.net/state"), "{request}");
        assert!(request.contains("Authorization: SharedKey shop:"), "{request}");
    }
    Ok(())
}
