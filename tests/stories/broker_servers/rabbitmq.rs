use annals_tests::brokers::{Kind, RabbitMq, RabbitMqKind};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Declares the durable queue `notes`, or asks whether it is there.
async fn declare(address: &str, passive: bool) {
    let mut stream = TcpStream::connect(address).await.expect("it listens");
    stream.write_all(b"AMQP\x00\x00\x09\x01").await.expect("it reads");
    hears(&mut stream, [10, 10]).await;
    say(&mut stream, 0, [10, 11], b"\0\0\0\0\x05PLAIN\0\0\0\x0c\0guest\0guest\x05en_US").await;
    hears(&mut stream, [10, 30]).await;
    // At most 1 channel, frames of 128 KiB, no heartbeats; the virtual host `/`.
    say(&mut stream, 0, [10, 31], b"\0\x01\0\x02\0\0\0\0").await;
    say(&mut stream, 0, [10, 40], b"\x01/\0\0").await;
    hears(&mut stream, [10, 41]).await;
    say(&mut stream, 1, [20, 10], b"\0").await;
    hears(&mut stream, [20, 11]).await;
    let bits = if passive { 0b01 } else { 0b10 };
    say(&mut stream, 1, [50, 10], &[b"\0\0\x05notes", &[bits][..], b"\0\0\0\0"].concat()).await;
    hears(&mut stream, [50, 11]).await;
}

async fn say(stream: &mut TcpStream, channel: u8, [class, method]: [u8; 2], arguments: &[u8]) {
    let mut frame = vec![1, 0, channel];
    frame.extend_from_slice(&(arguments.len() as u32 + 4).to_be_bytes());
    frame.extend_from_slice(&[0, class, 0, method]);
    frame.extend_from_slice(arguments);
    frame.push(0xCE);
    stream.write_all(&frame).await.expect("it reads");
}

async fn hears(stream: &mut TcpStream, [class, method]: [u8; 2]) {
    let mut head = [0; 7];
    stream.read_exact(&mut head).await.expect("it answers");
    let size = u32::from_be_bytes([head[3], head[4], head[5], head[6]]);
    let mut said = vec![0; size as usize + 1];
    stream.read_exact(&mut said).await.expect("it answers");
    assert_eq!(said[..4], [0, class, 0, method], "{}", String::from_utf8_lossy(&said));
}

#[tokio::test]
async fn rabbitmq_comes_back() {
    let keep = async |address: &str| declare(address, false).await;
    let has_kept = async |address: &str| declare(address, true).await;
    super::comes_back(RabbitMq::start().await, keep, has_kept).await;
}

#[tokio::test]
async fn rabbitmq_asks_for_a_password() {
    super::lets_in_whom_it_knows(RabbitMqKind::plain().with_user("ann", "secret")).await;
}

#[tokio::test]
async fn rabbitmq_is_shared() {
    super::is_shared::<RabbitMqKind>().await;
}
