//! A proxy in front of the instances, as an operator would have one: it follows `/readyz` of each, sends each request
//! to one that is ready, and repeats nothing.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// Between two looks at whether an instance is ready.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// How long an instance may take to say whether it is.
const LOOK_PATIENCE: Duration = Duration::from_secs(1);
const LARGEST_BODY: usize = 1024 * 1024;

/// The proxy.
#[derive(Clone)]
pub struct Front {
    pub address: String,
    inner: Arc<Inner>,
}

struct Inner {
    instances: Vec<Behind>,
    turn: AtomicUsize,
    http: reqwest::Client,
    keeps_notices: AtomicBool,
    notices: Mutex<Vec<Notice>>,
}

struct Behind {
    address: String,
    is_ready: AtomicBool,
    served: AtomicUsize,
}

/// A notice as the provider sent it.
#[derive(Clone)]
pub struct Notice {
    pub path: String,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Front {
    /// Opens a proxy for instances at these addresses. None of them counts as ready before it has said so.
    pub async fn open(instances: &[String], http: reqwest::Client) -> (Front, Vec<JoinHandle<()>>) {
        let behind = |address: &String| Behind {
            address: address.clone(),
            is_ready: AtomicBool::new(false),
            served: AtomicUsize::new(0),
        };
        let inner = Arc::new(Inner {
            instances: instances.iter().map(behind).collect(),
            turn: AtomicUsize::new(0),
            http,
            keeps_notices: AtomicBool::new(false),
            notices: Mutex::default(),
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address").to_string();
        let router = Router::new().fallback(pass_on).with_state(Arc::clone(&inner));
        let serving = tokio::spawn(async move {
            axum::serve(listener, router).await.expect("the proxy is open");
        });
        let following = tokio::spawn(follow(Arc::clone(&inner)));
        (Front { address, inner }, vec![serving, following])
    }

    /// From now on notices reach nobody: their sender is told that they were taken.
    pub fn keep_notices(&self) {
        self.inner.keeps_notices.store(true, Ordering::SeqCst);
    }

    /// The notices that were kept.
    pub fn kept_notices(&self) -> Vec<Notice> {
        self.inner.notices.lock().expect("the notices").clone()
    }

    /// Whether the instance at a place is sent requests.
    pub fn trusts(&self, place: usize) -> bool {
        self.inner.instances[place].is_ready.load(Ordering::SeqCst)
    }

    /// How many requests each instance was sent.
    pub fn served(&self) -> Vec<usize> {
        self.inner.instances.iter().map(|behind| behind.served.load(Ordering::SeqCst)).collect()
    }
}

async fn follow(inner: Arc<Inner>) {
    loop {
        for behind in &inner.instances {
            let asked = inner.http.get(format!("http://{}/readyz", behind.address)).timeout(LOOK_PATIENCE);
            let is_ready = asked.send().await.is_ok_and(|answer| answer.status().is_success());
            behind.is_ready.store(is_ready, Ordering::SeqCst);
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

async fn pass_on(State(inner): State<Arc<Inner>>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let body = to_bytes(body, LARGEST_BODY).await.expect("a body");
    if head.uri.path().starts_with("/notices/") && inner.keeps_notices.load(Ordering::SeqCst) {
        let notice = Notice { path: head.uri.path().to_owned(), headers: head.headers, body };
        inner.notices.lock().expect("the notices").push(notice);
        return StatusCode::OK.into_response();
    }
    let turn = inner.turn.fetch_add(1, Ordering::SeqCst);
    let ready: Vec<&Behind> =
        inner.instances.iter().filter(|behind| behind.is_ready.load(Ordering::SeqCst)).collect();
    let Some(chosen) = ready.get(turn % ready.len().max(1)) else {
        return (StatusCode::BAD_GATEWAY, "no instance is ready").into_response();
    };
    chosen.served.fetch_add(1, Ordering::SeqCst);
    let url = format!("http://{}{}", chosen.address, path_and_query(&head.uri));
    match inner.http.request(head.method, url).headers(head.headers).body(body).send().await {
        Ok(answer) => passed_back(answer).await,
        Err(error) => (StatusCode::BAD_GATEWAY, format!("{}: {error:?}", chosen.address)).into_response(),
    }
}

fn path_and_query(uri: &Uri) -> &str {
    uri.path_and_query().map_or("/", |path| path.as_str())
}

async fn passed_back(answer: reqwest::Response) -> Response {
    let (status, headers) = (answer.status(), answer.headers().clone());
    match answer.bytes().await {
        Ok(body) => {
            let mut response = Response::new(Body::from(body));
            *response.status_mut() = status;
            for name in ["content-type", "retry-after"] {
                if let Some(value) = headers.get(name) {
                    response.headers_mut().insert(name, value.clone());
                }
            }
            response
        }
        Err(error) => (StatusCode::BAD_GATEWAY, format!("half an answer: {error:?}")).into_response(),
    }
}
