use super::*;
use crate::cluster::testing::{Exchange, expect, scripted, status};
use serde_json::json;

fn request(method: Method, body: Option<Value>) -> Request {
    Request { method, path: "/jobs/a/stop".into(), body, timeout: Duration::from_secs(5) }
}

async fn send(
    exchange: Exchange,
    request: Request,
) -> (Result<Response, TransportError>, Vec<Value>) {
    let (cluster, served) = scripted(vec![exchange]);
    let answer = ServiceProxy::new(&cluster, "orders-rest", "rest").send(request).await;
    (answer, served.await.unwrap())
}

const URI: &str = "/api/v1/namespaces/flink/services/orders-rest:rest/proxy/jobs/a/stop";

#[tokio::test]
async fn goes_through_the_proxy_of_the_service() {
    let body = json!({"drain": true});
    let answer = expect(Method::POST, URI, 202, &json!({"request-id": "x"}));
    let (answer, sent) = send(answer, request(Method::POST, Some(body.clone()))).await;
    assert_eq!(answer.map(|a| a.status).ok(), Some(202));
    assert_eq!(sent, [body]);
}

#[tokio::test]
async fn flinks_own_errors_come_back_as_answers() {
    let errors = json!({"errors": ["Not found: /x"]});
    for code in [400, 404, 500, 503] {
        let (answer, _) =
            send(expect(Method::GET, URI, code, &errors), request(Method::GET, None)).await;
        assert_eq!(answer.map(|a| a.status).ok(), Some(code));
    }
}

#[tokio::test]
async fn a_post_that_the_proxy_could_not_deliver_is_sent_once_and_known_undelivered() {
    for message in [
        "no endpoints available for service \"orders-rest\"",
        "error trying to reach service: dial tcp 10.0.0.7:8081: connect: connection refused",
    ] {
        let refused = status(503, "ServiceUnavailable", message);
        let (answer, sent) =
            send(expect(Method::POST, URI, 503, &refused), request(Method::POST, None)).await;
        assert!(matches!(answer, Err(TransportError::NotDelivered(_))), "{message}");
        assert_eq!(sent.len(), 1);
    }
}

#[tokio::test]
async fn an_exchange_that_broke_off_is_ambiguous() {
    let broken = status(503, "ServiceUnavailable", "error trying to reach service: EOF");
    let (answer, _) =
        send(expect(Method::POST, URI, 503, &broken), request(Method::POST, None)).await;
    assert!(matches!(answer, Err(TransportError::Ambiguous(_))));
    let gateway = Value::String("Bad Gateway".into());
    let (answer, _) =
        send(expect(Method::POST, URI, 502, &gateway), request(Method::POST, None)).await;
    assert!(matches!(answer, Err(TransportError::Ambiguous(_))));
}

#[tokio::test]
async fn a_missing_permission_or_service_is_final() {
    for (code, kind) in [(403, Kind::Denied), (404, Kind::NotFound)] {
        let refused = status(code, "", "services \"orders-rest\" …");
        let (answer, _) =
            send(expect(Method::GET, URI, code, &refused), request(Method::GET, None)).await;
        let Err(TransportError::Refused(error)) = answer else { panic!("{code}") };
        assert_eq!(error.kind(), kind);
    }
}
