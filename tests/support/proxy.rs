//! A proxy in front of the real API server: it counts the calls of a run, and cuts them off where a test
//! wants it. There are no pods behind an API server that stands alone. What the API server would ask of them can
//! be played: Flink's REST API by a [`Flink`], and commands in pods by a [`kubelet`].

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex, mpsc};

use futures::AsyncReadExt as _;
use http::{Method, Request};
use kube::client::Body;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use super::flink::Flink;
use super::kubelet;
use super::trouble::{self, Answer, Trouble};

/// Where the calls of a run are disturbed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cut {
    /// Nowhere.
    None,
    /// The connection is closed before this call (counted from 0) reaches the API server.
    Before(usize),
    /// The API server does what this call says, and the connection is closed before the client hears of it.
    After(usize),
    /// The API server does what this call says; from then on nothing moves until [`Proxy::thaw`].
    Freeze(usize),
    /// The same at the first call whose line holds this text.
    FreezeAt(&'static str),
    /// Only the first call whose line holds this text waits; all others go on.
    PauseAt(&'static str),
}

/// The proxy. It ends with the test's process.
pub(crate) struct Proxy {
    pub(crate) address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    client: Client,
    state: Mutex<State>,
    frozen: watch::Sender<bool>,
    paused: watch::Sender<bool>,
    flink: Option<Mutex<Flink>>,
}

struct State {
    cut: Cut,
    calls: Vec<String>,
    /// What calls meet whose line holds a text, and how many more of them do.
    troubles: Vec<(&'static str, usize, Trouble)>,
}

/// What happens to one call.
struct Fate {
    deliver: bool,
    answer: bool,
    freeze: bool,
    pause: bool,
}

/// One request, as it came.
struct Call {
    method: Method,
    target: String,
    headers: BTreeMap<String, String>,
    body: Vec<u8>,
}

impl Proxy {
    /// A proxy to the API server of this kubeconfig. What Flink writes is in `disk` beside that.
    pub(crate) fn start(kubeconfig: &Path, flink: Option<Flink>) -> Proxy {
        let flink = flink.map(|flink| flink.on(kubeconfig.with_file_name("disk")));
        let kubeconfig = kubeconfig.to_owned();
        let (started, address) = mpsc::channel();
        std::thread::spawn(move || {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let parsed = Kubeconfig::read_from(&kubeconfig).unwrap();
                let options = KubeConfigOptions::default();
                let mut config = Config::from_custom_kubeconfig(parsed, &options).await.unwrap();
                config.default_retry = false;
                let shared = Arc::new(Shared {
                    client: Client::try_from(config).unwrap(),
                    state: Mutex::new(State {
                        cut: Cut::None,
                        calls: Vec::new(),
                        troubles: Vec::new(),
                    }),
                    frozen: watch::Sender::new(false),
                    paused: watch::Sender::new(false),
                    flink: flink.map(Mutex::new),
                });
                let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
                started.send((listener.local_addr().unwrap(), Arc::clone(&shared))).unwrap();
                loop {
                    let (stream, _) = listener.accept().await.unwrap();
                    tokio::spawn(serve(stream, Arc::clone(&shared)));
                }
            });
        });
        let (address, shared) = address.recv().unwrap();
        Proxy { address, shared }
    }

    /// Disturbs the calls from now on, which are counted anew; no other trouble is left.
    pub(crate) fn cut(&self, cut: Cut) {
        let mut state = self.shared.state.lock().unwrap();
        *state = State { cut, calls: Vec::new(), troubles: Vec::new() };
    }

    /// The next `times` calls whose line holds `text` meet this, watches too.
    pub(crate) fn trouble(&self, text: &'static str, times: usize, trouble: Trouble) {
        self.shared.state.lock().unwrap().troubles.push((text, times, trouble));
    }

    /// The calls since the last [`Proxy::cut`], as `POST /api/v1/…`; watches are not counted.
    pub(crate) fn calls(&self) -> Vec<String> {
        self.shared.state.lock().unwrap().calls.clone()
    }

    /// Whether the call to freeze or to pause at has come.
    pub(crate) fn has_stopped(&self) -> bool {
        *self.shared.frozen.borrow() || *self.shared.paused.borrow()
    }

    /// Lets everything move again, undisturbed.
    pub(crate) fn thaw(&self) {
        self.cut(Cut::None);
        self.shared.frozen.send_replace(false);
        self.shared.paused.send_replace(false);
    }

    /// How many savepoints Flink took.
    pub(crate) fn savepoints(&self) -> usize {
        self.flink(Flink::savepoints)
    }

    /// What Flink has to say.
    ///
    /// # Panics
    /// When nobody plays it.
    pub(crate) fn flink<T>(&self, ask: impl FnOnce(&Flink) -> T) -> T {
        ask(&self.shared.flink.as_ref().expect("a Flink").lock().unwrap())
    }
}

impl Shared {
    fn fate(&self, call: &Call) -> Fate {
        let mut state = self.state.lock().unwrap();
        let line = call.line();
        let number = state.calls.len();
        let first =
            |text: &str| line.contains(text) && !state.calls.iter().any(|call| call.contains(text));
        let fate = Fate {
            deliver: state.cut != Cut::Before(number),
            answer: !matches!(state.cut, Cut::Before(n) | Cut::After(n) if n == number),
            freeze: match state.cut {
                Cut::Freeze(n) => n == number,
                Cut::FreezeAt(text) => first(text),
                _ => false,
            },
            pause: matches!(state.cut, Cut::PauseAt(text) if first(text)),
        };
        state.calls.push(line);
        fate
    }

    /// The trouble that this call meets. It is counted as a call then.
    fn meets(&self, call: &Call) -> Option<Trouble> {
        let mut state = self.state.lock().unwrap();
        let line = call.line();
        let mut all = state.troubles.iter_mut();
        let (_, left, trouble) = all.find(|(text, left, _)| *left > 0 && line.contains(text))?;
        *left -= 1;
        let trouble = *trouble;
        state.calls.push(line);
        Some(trouble)
    }

    async fn deliver(&self, call: Call) -> Answer {
        if let Some(answer) = self.play(&call).await {
            return answer;
        }
        let (line, target) = (call.line(), call.target.clone());
        let answer = self.client.send(call.into_request(Body::from)).await.unwrap();
        let (head, body) = answer.into_parts();
        let kind = head.headers.get("content-type").and_then(|kind| kind.to_str().ok());
        let kind = kind.unwrap_or("application/json").to_owned();
        let (status, body) = (head.status.as_u16(), body.collect_bytes().await.unwrap().to_vec());
        if self.flink.is_some() && head.status.is_success() && !target.contains("dryRun=") {
            if line.starts_with("POST ") && target.contains("/pods?") {
                kubelet::run(&self.client, &serde_json::from_slice(&body).unwrap()).await;
            }
            if !line.starts_with("GET ") && target.contains("/deployments") {
                self.sync(&target).await;
            }
        }
        (status, kind, body)
    }

    /// Flink's answer to a call to the Service of a JobManager.
    async fn play(&self, call: &Call) -> Option<Answer> {
        let flink = self.flink.as_ref()?;
        let (service, path) = call.target.split_once("/proxy/")?;
        let (_, service) = service.split_once("/services/")?;
        let jobmanager = service.split(':').next()?;
        self.sync(&call.target).await;
        let body = serde_json::from_slice(&call.body).unwrap_or(Value::Null);
        let (status, answer) = flink.lock().unwrap().answer(
            jobmanager,
            call.method.as_str(),
            &format!("/{path}"),
            &body,
        );
        Some((status, "application/json".to_owned(), answer.to_string().into_bytes()))
    }

    /// Shows Flink the Deployments of the namespace that `target` is in.
    async fn sync(&self, target: &str) {
        let (Some(flink), Some((_, rest))) = (&self.flink, target.split_once("/namespaces/"))
        else {
            return;
        };
        let namespace = rest.split(['/', '?']).next().unwrap_or_default();
        let path = format!("/apis/apps/v1/namespaces/{namespace}/deployments");
        let request = Request::get(path).body(Vec::new()).unwrap();
        let found: Value = self.client.request(request).await.unwrap();
        flink.lock().unwrap().sync(found["items"].as_array().map_or(&[], Vec::as_slice));
    }

    /// Passes the events of a watch on until either side has enough.
    async fn watch(&self, call: Call, stream: &mut BufReader<TcpStream>) {
        let Ok(events) = self.client.request_stream(call.into_request(|body| body)).await else {
            return;
        };
        let mut events = std::pin::pin!(events);
        let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n\r\n";
        let to = stream.get_mut();
        let mut chunk = vec![0; 64 * 1024];
        let mut sent = to.write_all(head.as_bytes()).await;
        while let (Ok(()), Ok(length @ 1..)) = (&sent, events.read(&mut chunk).await) {
            melt(&self.frozen).await;
            sent = to.write_all(&chunk[..length]).await;
        }
    }
}

impl Call {
    fn line(&self) -> String {
        // The command of an exec would fill pages.
        let target = match self.is_exec() {
            true => self.target.split('?').next().unwrap_or_default(),
            false => &self.target,
        };
        format!("{} {target}", self.method)
    }

    fn is_exec(&self) -> bool {
        self.target.contains("/exec?")
    }

    /// The same to the API server.
    fn into_request<B>(self, body: impl FnOnce(Vec<u8>) -> B) -> Request<B> {
        let mut request = Request::builder().method(self.method).uri(self.target);
        let ours = ["host", "connection", "content-length", "accept-encoding", "authorization"];
        for (name, value) in self.headers.iter().filter(|(name, _)| !ours.contains(&name.as_str()))
        {
            request = request.header(name, value);
        }
        request.body(body(self.body)).unwrap()
    }
}

/// Serves one connection until it is cut or the client closes it.
async fn serve(stream: TcpStream, shared: Arc<Shared>) {
    let mut stream = BufReader::new(stream);
    while let Some(call) = read(&mut stream).await {
        if let Some(trouble) = shared.meets(&call) {
            let answer = match trouble.delivers() {
                true => shared.deliver(call).await,
                false => (0, String::new(), Vec::new()),
            };
            match trouble.write(stream.get_mut(), answer).await {
                Ok(true) => continue,
                _ => return,
            }
        }
        if call.target.contains("watch=true") {
            return shared.watch(call, &mut stream).await;
        }
        melt(&shared.frozen).await;
        let fate = shared.fate(&call);
        if fate.pause {
            shared.paused.send_replace(true);
            melt(&shared.paused).await;
        }
        if !fate.deliver {
            return;
        }
        if let (true, Some(flink)) = (call.is_exec(), &shared.flink) {
            let disk = flink.lock().unwrap().disk().to_owned();
            let key = call.headers.get("sec-websocket-key").cloned().unwrap_or_default();
            let ended = kubelet::exec(stream, &call.target, &key, &disk).await;
            if fate.freeze {
                shared.frozen.send_replace(true);
            }
            melt(&shared.frozen).await;
            if fate.answer {
                ended.tell().await;
            }
            return;
        }
        let answer = shared.deliver(call).await;
        if fate.freeze {
            shared.frozen.send_replace(true);
        }
        melt(&shared.frozen).await;
        if !fate.answer {
            return;
        }
        if trouble::write(stream.get_mut(), &answer, "").await.is_err() {
            return;
        }
    }
}

/// Waits while it is frozen.
async fn melt(frozen: &watch::Sender<bool>) {
    let _ = frozen.subscribe().wait_for(|frozen| !frozen).await;
}

async fn read(stream: &mut BufReader<TcpStream>) -> Option<Call> {
    let mut line = String::new();
    stream.read_line(&mut line).await.ok().filter(|length| *length > 0)?;
    let mut words = line.split_whitespace();
    let (method, target) = (words.next()?.parse().ok()?, words.next()?.to_owned());
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).await.ok()?;
        let Some((name, value)) = line.trim().split_once(':') else { break };
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    let length = headers.get("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.ok()?;
    Some(Call { method, target, headers, body })
}
