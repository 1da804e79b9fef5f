//! From kubectl's global flags to a client of the API server.

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::future::BoxFuture;
use k8s_openapi::NamespaceResourceScope;
use kube::config::{AuthInfo, KubeConfigOptions, Kubeconfig};
use kube::{Api, Client, Config, Resource};

use super::proxy::ProxyVariables;
use super::{failure, kubeconfig, session};
use crate::deadline::Deadline;
use crate::error::{Error, Kind, Result};

/// How long one request may take when `--request-timeout` does not say: 30 s, so that a black-holed
/// API server is noticed. Logs, watches and exec sessions are exempt.
pub const DEFAULT_REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

/// kubectl's global flags, as given. It has no `Debug`, because it can hold a token.
#[derive(Clone, Default)]
pub struct ConnectOptions {
    /// The value of `$KUBECONFIG`.
    pub kubeconfig_variable: Option<OsString>,
    /// The user's home directory, which holds `.kube/config`.
    pub home: Option<PathBuf>,
    /// `--kubeconfig`: this file instead of `$KUBECONFIG` and `~/.kube/config`.
    pub kubeconfig: Option<PathBuf>,
    /// `--context`
    pub context: Option<String>,
    /// `--cluster`
    pub cluster: Option<String>,
    /// `--user`
    pub user: Option<String>,
    /// `--namespace`
    pub namespace: Option<String>,
    /// `--server`: the API server's URL.
    pub server: Option<String>,
    /// `--token`
    pub token: Option<String>,
    /// `--client-certificate`
    pub client_certificate: Option<PathBuf>,
    /// `--client-key`
    pub client_key: Option<PathBuf>,
    /// `--as`
    pub impersonate: Option<String>,
    /// `--as-uid`
    pub impersonate_uid: Option<String>,
    /// `--as-group`, repeatable.
    pub impersonate_groups: Vec<String>,
    /// `--as-user-extra`, repeatable: key and value.
    pub impersonate_extra: Vec<(String, String)>,
    /// `--request-timeout` for one request; zero means no limit, as in kubectl.
    pub request_timeout: Option<Duration>,
    /// `--insecure-skip-tls-verify`
    pub insecure_skip_tls_verify: bool,
    /// `--certificate-authority`
    pub certificate_authority: Option<PathBuf>,
    /// `--tls-server-name`
    pub tls_server_name: Option<String>,
    /// `--disable-compression`
    pub disable_compression: bool,
    /// What the environment says about proxies.
    pub proxies: ProxyVariables,
}

impl ConnectOptions {
    /// Whether the user said anything about which cluster to use.
    fn customised(&self) -> bool {
        self.kubeconfig.is_some()
            || self.context.is_some()
            || self.cluster.is_some()
            || self.user.is_some()
            || self.server.is_some()
    }
}

/// A connection to one API server and the namespace to work in. Cheap to clone.
#[derive(Clone)]
pub struct Cluster {
    client: Client,
    namespace: String,
    context: Option<String>,
    request_timeout: Option<Duration>,
    /// Shared by all clones: one command has one deadline.
    repeating_ends: Arc<Mutex<Deadline>>,
    cleanups: Cleanups,
}

type Cleanups = Arc<Mutex<Vec<BoxFuture<'static, ()>>>>;

impl Cluster {
    /// Connects as kubectl would with these flags. No request is sent yet, but an exec credential
    /// plugin runs here.
    ///
    /// The kubeconfig decides; the in-cluster service account is used only when there is no
    /// kubeconfig and no flag asks for one.
    ///
    /// # Errors
    /// [`Kind::Usage`] for an unknown context or a malformed kubeconfig, [`Kind::Denied`] when a
    /// credential plugin fails.
    pub async fn connect(options: &ConnectOptions) -> Result<Cluster> {
        let kubeconfig = kubeconfig::read(
            options.kubeconfig.as_deref(),
            options.kubeconfig_variable.as_deref(),
            options.home.as_deref(),
        )?;
        let (mut config, context) = configure(kubeconfig, options).await?;
        override_with(&mut config, options)?;
        // kube would send any request again after 429, 503 and 504, also a POST that triggers a
        // savepoint (kube issue 2082). `retry` repeats what is safe to repeat.
        config.default_retry = false;
        config.connect_timeout = Some(Duration::from_secs(10));
        let namespace =
            options.namespace.clone().unwrap_or_else(|| config.default_namespace.clone());
        let client = session::client(config)
            .map_err(|e| failure::from_kube(e, "set up the connection to the API server"))?;
        let request_timeout = match options.request_timeout {
            None => Some(DEFAULT_REQUEST_TIMEOUT),
            Some(Duration::ZERO) => None,
            some => some,
        };
        let known = Cluster::from_client(client, &namespace);
        Ok(Cluster { context, request_timeout, ..known })
    }

    /// Wraps a client that exists already.
    pub fn from_client(client: Client, namespace: &str) -> Cluster {
        Cluster {
            client,
            namespace: namespace.to_owned(),
            context: None,
            request_timeout: Some(DEFAULT_REQUEST_TIMEOUT),
            repeating_ends: Arc::new(Mutex::new(Deadline::NEVER)),
            cleanups: Cleanups::default(),
        }
    }

    /// The same connection, working in another namespace.
    #[must_use]
    pub fn in_namespace(&self, namespace: &str) -> Cluster {
        Cluster { namespace: namespace.to_owned(), ..self.clone() }
    }

    /// The client underneath.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// The namespace of `--namespace`, the context, or `default`.
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// The name of the kubeconfig context, when one is used.
    pub fn context(&self) -> Option<&str> {
        self.context.as_deref()
    }

    /// The objects of kind `K` in [`Cluster::namespace`].
    pub fn api<K>(&self) -> Api<K>
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>,
    {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    /// The objects of kind `K` that have no namespace, or those of all namespaces.
    pub fn api_all<K: Resource<DynamicType = ()>>(&self) -> Api<K> {
        Api::all(self.client.clone())
    }

    /// When one request that starts now must have been answered.
    pub(crate) fn request_deadline(&self) -> Deadline {
        self.request_timeout.map_or(Deadline::NEVER, Deadline::after)
    }

    /// From now on no failed request is sent again after `deadline`: that of the command, or of its way back.
    pub fn repeat_until(&self, deadline: Deadline) {
        *self.repeating_ends.lock().unwrap_or_else(PoisonError::into_inner) = deadline;
    }

    pub(crate) fn repeating_ends(&self) -> Deadline {
        *self.repeating_ends.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps `cleanup` for [`Cluster::clean_up`]: for guards that are dropped, for example because
    /// Ctrl-C ended the operation, and cannot await anything themselves.
    pub(crate) fn clean_up_later(&self, cleanup: BoxFuture<'static, ()>) {
        self.cleanups.lock().unwrap_or_else(PoisonError::into_inner).push(cleanup);
    }

    /// Finishes what interrupted operations left to clean (helper pods); call it once before the
    /// program ends, also after Ctrl-C. It takes at most `limit`.
    pub async fn clean_up(&self, limit: Duration) {
        let pending =
            std::mem::take(&mut *self.cleanups.lock().unwrap_or_else(PoisonError::into_inner));
        if !pending.is_empty() {
            let _ = Deadline::after(limit).limit(futures::future::join_all(pending)).await;
        }
    }
}

async fn configure(
    kubeconfig: Option<Kubeconfig>,
    options: &ConnectOptions,
) -> Result<(Config, Option<String>)> {
    let Some(kubeconfig) = kubeconfig else {
        return without_kubeconfig(options).map(|config| (config, None));
    };
    if kubeconfig.contexts.is_empty() && options.server.is_some() {
        return without_kubeconfig(options).map(|config| (config, None));
    }
    let context = options.context.clone().or_else(|| kubeconfig.current_context.clone());
    let choice = KubeConfigOptions {
        context: options.context.clone(),
        cluster: options.cluster.clone(),
        user: options.user.clone(),
    };
    if let Some(user) = &options.user
        && !kubeconfig.auth_infos.iter().any(|known| &known.name == user)
    {
        let known: Vec<&str> = kubeconfig.auth_infos.iter().map(|u| u.name.as_str()).collect();
        return Err(Error::usage(format!("there is no user {user:?} in the kubeconfig"))
            .hint(format!("Users in the kubeconfig: {}.", known.join(", "))));
    }
    match Config::from_custom_kubeconfig(kubeconfig.clone(), &choice).await {
        Ok(mut config) => {
            config.proxy_url = own_proxy(&kubeconfig, options, context.as_deref())?;
            Ok((config, context))
        }
        Err(error) => Err(kubeconfig::explain_choice(error, &kubeconfig)),
    }
}

/// The `proxy-url` of the cluster that is used.
fn own_proxy(
    kubeconfig: &Kubeconfig,
    options: &ConnectOptions,
    context: Option<&str>,
) -> Result<Option<http::Uri>> {
    let context = kubeconfig.contexts.iter().find(|known| Some(known.name.as_str()) == context);
    let named = context.and_then(|context| Some(context.context.as_ref()?.cluster.as_str()));
    let name = options.cluster.as_deref().or(named);
    let cluster = kubeconfig.clusters.iter().find(|known| Some(known.name.as_str()) == name);
    let url = cluster.and_then(|cluster| cluster.cluster.as_ref()?.proxy_url.as_deref());
    let Some(url) = url.filter(|url| !url.is_empty()) else { return Ok(None) };
    let unusable = |e| {
        Error::usage("the proxy-url of the kubeconfig's cluster is not a URL")
            .caused_by(e)
            .hint("Write it as http://HOST:PORT, https://HOST:PORT or socks5://HOST:PORT.")
    };
    url.parse().map(Some).map_err(unusable)
}

fn without_kubeconfig(options: &ConnectOptions) -> Result<Config> {
    if let Some(server) = &options.server {
        return Ok(Config::new(parse_server(server)?));
    }
    let nothing = || {
        Error::usage("there is no kubeconfig and this is not a pod with a service account")
            .hint("Name a kubeconfig with --kubeconfig or the KUBECONFIG variable.")
    };
    if options.customised() {
        return Err(nothing());
    }
    Config::incluster().map_err(|_| nothing())
}

fn parse_server(server: &str) -> Result<http::Uri> {
    let uri: http::Uri = server.parse().map_err(|e| {
        Error::usage(format!("{server:?} is not a URL"))
            .caused_by(e)
            .hint("Give --server as https://HOST:PORT.")
    })?;
    match uri.scheme_str() {
        Some("http" | "https") => Ok(uri),
        _ => Err(Error::usage(format!("{server:?} is not an http or https URL"))
            .hint("Give --server as https://HOST:PORT.")),
    }
}

/// Flags win over the kubeconfig.
fn override_with(config: &mut Config, options: &ConnectOptions) -> Result<()> {
    if let Some(server) = &options.server {
        config.cluster_url = parse_server(server)?;
    }
    if let Some(path) = &options.certificate_authority {
        config.root_cert = Some(read_certificates(path)?);
    }
    if config.proxy_url.is_none() {
        config.proxy_url = options.proxies.towards(&config.cluster_url)?;
    }
    config.accept_invalid_certs |= options.insecure_skip_tls_verify;
    config.disable_compression |= options.disable_compression;
    if options.tls_server_name.is_some() {
        config.tls_server_name.clone_from(&options.tls_server_name);
    }
    override_user(&mut config.auth_info, options);
    Ok(())
}

fn override_user(user: &mut AuthInfo, options: &ConnectOptions) {
    if let Some(token) = &options.token {
        user.token = Some(token.clone().into());
        user.token_file = None;
        user.exec = None;
        user.auth_provider = None;
    }
    let as_text = |path: &PathBuf| path.to_string_lossy().into_owned();
    if let Some(path) = &options.client_certificate {
        user.client_certificate = Some(as_text(path));
        user.client_certificate_data = None;
    }
    if let Some(path) = &options.client_key {
        user.client_key = Some(as_text(path));
        user.client_key_data = None;
    }
    if options.impersonate.is_some() {
        user.impersonate.clone_from(&options.impersonate);
    }
    if options.impersonate_uid.is_some() {
        user.impersonate_uid.clone_from(&options.impersonate_uid);
    }
    if !options.impersonate_groups.is_empty() {
        user.impersonate_groups = Some(options.impersonate_groups.clone());
    }
    for (key, value) in &options.impersonate_extra {
        let extra = user.impersonate_user_extra.get_or_insert_default();
        extra.entry(key.clone()).or_default().push(value.clone());
    }
}

fn read_certificates(path: &PathBuf) -> Result<Vec<Vec<u8>>> {
    use rustls::pki_types::CertificateDer;
    use rustls::pki_types::pem::PemObject;

    let shown = path.display();
    let unreadable = |e: rustls::pki_types::pem::Error| {
        Error::usage(format!("cannot read certificates from {shown}"))
            .caused_by(e)
            .hint("Give --certificate-authority a file of PEM certificates.")
    };
    let certificates = CertificateDer::pem_file_iter(path).map_err(unreadable)?;
    let certificates: Vec<Vec<u8>> = certificates
        .map(|c| c.map(|c| c.to_vec()))
        .collect::<Result<_, _>>()
        .map_err(unreadable)?;
    if certificates.is_empty() {
        return Err(Error::new(Kind::Usage, format!("{shown} holds no certificate"))
            .hint("Give --certificate-authority a file of PEM certificates."));
    }
    Ok(certificates)
}

#[cfg(test)]
mod tests;
