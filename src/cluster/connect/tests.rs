use super::*;

const CONFIG: &str = "apiVersion: v1\nkind: Config\ncurrent-context: dev\n\
    contexts:\n- {name: dev, context: {cluster: c1, user: u1, namespace: shop}}\n- {name: bare, context: {cluster: c1, user: u1}}\n\
    clusters:\n- {name: c1, cluster: {server: 'http://127.0.0.1:1'}}\n- {name: c2, cluster: {server: 'http://127.0.0.1:2'}}\n\
    users:\n- {name: u1, user: {token: s3cret}}\n";

fn options(dir: &tempfile::TempDir) -> anyhow::Result<ConnectOptions> {
    let path = dir.path().join("config");
    std::fs::write(&path, CONFIG)?;
    Ok(ConnectOptions { kubeconfig: Some(path), ..ConnectOptions::default() })
}

async fn refused(options: &ConnectOptions) -> Error {
    match Cluster::connect(options).await {
        Ok(_) => panic!("connected"),
        Err(error) => error,
    }
}

#[tokio::test]
async fn the_flag_wins_over_the_context_over_the_default() -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let mut options = options(&dir)?;
    let cluster = Cluster::connect(&options).await?;
    assert_eq!((cluster.namespace(), cluster.context()), ("shop", Some("dev")));
    options.context = Some("bare".into());
    assert_eq!(Cluster::connect(&options).await?.namespace(), "default");
    options.namespace = Some("mine".into());
    assert_eq!(Cluster::connect(&options).await?.namespace(), "mine");
    Ok(())
}

#[tokio::test]
async fn flags_override_the_kubeconfig() -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let mut options = options(&dir)?;
    options.cluster = Some("c2".into());
    options.impersonate = Some("ann".into());
    options.impersonate_groups = vec!["g".into()];
    options.impersonate_extra = vec![("k".into(), "1".into()), ("k".into(), "2".into())];
    options.token = Some("other".into());
    options.insecure_skip_tls_verify = true;
    let kubeconfig = kubeconfig::read(options.kubeconfig.as_deref(), None, None)?;
    let (mut config, _) = configure(kubeconfig, &options).await?;
    override_with(&mut config, &options)?;
    assert_eq!(config.cluster_url, "http://127.0.0.1:2");
    assert!(config.accept_invalid_certs);
    assert_eq!(config.auth_info.impersonate.as_deref(), Some("ann"));
    assert_eq!(config.auth_info.impersonate_groups, Some(vec!["g".to_owned()]));
    let extra = config.auth_info.impersonate_user_extra.as_ref();
    assert_eq!(extra.map(|extra| &extra["k"]), Some(&vec!["1".to_owned(), "2".to_owned()]));
    options.server = Some("https://api.example:6443".into());
    override_with(&mut config, &options)?;
    assert_eq!(config.cluster_url, "https://api.example:6443");
    Ok(())
}

#[tokio::test]
async fn wrong_choices_are_usage_errors_with_a_remedy() -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let base = options(&dir)?;
    let change = |set: fn(&mut ConnectOptions)| {
        let mut options = base.clone();
        set(&mut options);
        options
    };
    for (options, says) in [
        (change(|o| o.context = Some("prod".into())), "there is no context \"prod\""),
        (change(|o| o.cluster = Some("c9".into())), "there is no cluster \"c9\""),
        (change(|o| o.user = Some("u9".into())), "there is no user \"u9\""),
        (change(|o| o.server = Some("ftp://x".into())), "is not an http or https URL"),
        (change(|o| o.kubeconfig = Some("absent".into())), "cannot read absent"),
        (change(|o| o.certificate_authority = Some("absent".into())), "cannot read certificates"),
    ] {
        let error = refused(&options).await;
        assert_eq!(error.kind(), Kind::Usage, "{error}");
        assert!(error.to_string().contains(says), "{error}");
        assert!(!error.to_string().contains("s3cret"), "{error}");
    }
    let hints = refused(&change(|o| o.context = Some("prod".into()))).await.hints().concat();
    assert!(hints.contains("dev, bare"), "{hints}");
    Ok(())
}

#[tokio::test]
async fn no_kubeconfig_needs_a_server_or_a_pod() -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let nowhere = ConnectOptions { home: Some(dir.path().to_owned()), ..ConnectOptions::default() };
    let error = refused(&ConnectOptions { context: Some("x".into()), ..nowhere.clone() }).await;
    assert!(error.to_string().starts_with("there is no kubeconfig"), "{error}");
    let server = ConnectOptions { server: Some("http://127.0.0.1:1".into()), ..nowhere };
    assert_eq!(Cluster::connect(&server).await?.context(), None);
    Ok(())
}

/// A request against a port where nobody listens is refused at once, and says so.
#[tokio::test]
async fn an_unreachable_server_is_named_as_such() -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let cluster = Cluster::connect(&options(&dir)?).await?;
    let version =
        super::super::retry::once(&cluster, || cluster.client().apiserver_version()).await;
    let error = failure::from_kube(version.map(drop).expect_err("nobody listens"), "ask");
    assert_eq!(error.kind(), Kind::Unreachable);
    assert!(error.to_string().contains("refused"), "{error}");
    Ok(())
}

/// An API server that answers every request with 503, and counts them.
async fn overloaded() -> anyhow::Result<(String, Arc<Mutex<Vec<String>>>)> {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let address = format!("http://{}", listener.local_addr()?);
    let seen = Arc::new(Mutex::new(Vec::new()));
    let log = seen.clone();
    tokio::spawn(async move {
        while let Ok((mut connection, _)) = listener.accept().await {
            let mut request = vec![0; 4096];
            let length = connection.read(&mut request).await.unwrap_or(0);
            let line =
                String::from_utf8_lossy(&request[..length]).lines().next().map(str::to_owned);
            log.lock().unwrap().extend(line);
            let answer = "HTTP/1.1 503 Busy\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
            let _ = connection.write_all(answer.as_bytes()).await;
        }
    });
    Ok((address, seen))
}

/// kube repeats a POST up to 15 times by default: it would trigger a savepoint again and again.
#[tokio::test]
async fn the_client_sends_each_request_once() -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let (server, seen) = overloaded().await?;
    let options = ConnectOptions { server: Some(server), ..options(&dir)? };
    let cluster = Cluster::connect(&options).await?;
    let request = http::Request::post("/api/v1/x").body(kube::client::Body::empty())?;
    // kube's retries would go on for minutes.
    let answer = cluster.client().send(request);
    let answer = tokio::time::timeout(Duration::from_secs(30), answer).await??;
    assert_eq!(answer.status(), 503);
    assert_eq!(*seen.lock().unwrap(), ["POST /api/v1/x HTTP/1.1"]);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn cleanups_run_once_and_within_their_limit() -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let cluster = Cluster::connect(&options(&dir)?).await?;
    let ran = Arc::new(Mutex::new(0));
    let counter = ran.clone();
    let other = cluster.in_namespace("elsewhere");
    other.clean_up_later(Box::pin(async move {
        *counter.lock().unwrap_or_else(PoisonError::into_inner) += 1;
    }));
    cluster.clean_up(Duration::from_secs(5)).await;
    cluster.clean_up(Duration::from_secs(5)).await;
    assert_eq!(*ran.lock().unwrap_or_else(PoisonError::into_inner), 1);
    cluster.clean_up_later(Box::pin(std::future::pending()));
    cluster.clean_up(Duration::from_secs(5)).await;
    Ok(())
}
