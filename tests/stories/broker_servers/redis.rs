use annals_tests::brokers::{Kind, Redis, RedisKind};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

async fn asks(address: &str, command: &str, answer: &str) {
    let mut stream = TcpStream::connect(address).await.expect("it listens");
    stream.write_all(format!("PING\r\n{command}\r\n").as_bytes()).await.expect("it reads");
    let expected = format!("+PONG\r\n{answer}\r\n");
    let mut said = vec![0; expected.len()];
    stream.read_exact(&mut said).await.expect("it answers");
    assert_eq!(String::from_utf8_lossy(&said), expected);
}

#[tokio::test]
async fn redis_comes_back() {
    let keep = async |address: &str| asks(address, "SET note kept", "+OK").await;
    let has_kept = async |address: &str| asks(address, "GET note", "$4\r\nkept").await;
    super::comes_back(Redis::start().await, keep, has_kept).await;
}

#[tokio::test]
async fn redis_asks_for_a_password() {
    super::lets_in_whom_it_knows(RedisKind::plain().with_password("secret")).await;
}

#[tokio::test]
async fn redis_is_shared() {
    super::is_shared::<RedisKind>().await;
}
