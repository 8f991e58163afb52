use annals_tests::brokers::{Kafka, KafkaKind};
use annals_tests::servers::Proxy;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const NONE: i16 = 0;
const TOPIC_ALREADY_EXISTS: i16 = 36;

/// What comes after the number that the answer has from the request.
async fn answer(stream: &mut TcpStream, api: i16, version: i16, body: &[u8]) -> Vec<u8> {
    let mut request = [api.to_be_bytes(), version.to_be_bytes()].concat();
    // The number of the request, and no name for ourselves.
    request.extend_from_slice(&[0, 0, 0, 7, 0xFF, 0xFF]);
    request.extend_from_slice(body);
    stream.write_all(&(request.len() as u32).to_be_bytes()).await.expect("it reads");
    stream.write_all(&request).await.expect("it reads");
    let size = stream.read_u32().await.expect("it answers");
    let mut said = vec![0; size as usize];
    stream.read_exact(&mut said).await.expect("it answers");
    assert_eq!(said[..4], [0, 0, 0, 7]);
    said.split_off(4)
}

async fn connect(address: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.expect("it listens");
    let versions = answer(&mut stream, 18, 0, &[]).await;
    assert_eq!(versions[..2], NONE.to_be_bytes(), "ApiVersions");
    stream
}

/// Makes the topic `notes` with one partition, and finds that the error is this one.
async fn make_topic(address: &str, expected: i16) {
    let mut body = b"\0\0\0\x01\0\x05notes\0\0\0\x01\0\x01".to_vec();
    // No assignments and no settings; within 30 s, and not for a trial.
    body.extend_from_slice(&[0; 8]);
    body.extend_from_slice(&30_000_i32.to_be_bytes());
    body.push(0);
    let made = answer(&mut connect(address).await, 19, 2, &body).await;
    // Behind the time it was held back for, the number of topics, and the name.
    assert_eq!(made[15..17], expected.to_be_bytes(), "{}", String::from_utf8_lossy(&made));
}

/// Where the one broker says it is.
async fn advertised(address: &str) -> String {
    let said = answer(&mut connect(address).await, 3, 1, &[0; 4]).await;
    assert_eq!(said[..4], [0, 0, 0, 1], "one broker");
    let host = usize::from(u16::from_be_bytes([said[8], said[9]]));
    let (host, port) = said[10..].split_at(host);
    let port = i32::from_be_bytes([port[0], port[1], port[2], port[3]]);
    format!("{}:{port}", String::from_utf8_lossy(host))
}

#[tokio::test]
async fn kafka_comes_back() {
    let proxy = Proxy::to("127.0.0.1:1").await;
    let server = Kafka::start_behind(&proxy).await;
    assert_eq!(advertised(&proxy.address().to_string()).await, proxy.address().to_string());
    let keep = async |address: &str| make_topic(address, NONE).await;
    let has_kept = async |address: &str| make_topic(address, TOPIC_ALREADY_EXISTS).await;
    super::comes_back(server, keep, has_kept).await;
}

#[tokio::test]
async fn kafka_is_shared() {
    super::is_shared::<KafkaKind>().await;
    assert_eq!(
        format!(
            "kafka://{}",
            advertised(Kafka::shared().await.trim_start_matches("kafka://")).await
        ),
        Kafka::shared().await
    );
}
