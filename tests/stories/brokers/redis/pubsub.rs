//! Messages for whoever listens just now.

use annals::outbox::redis::RedisPubSub;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use super::*;

/// Listeners get the body; what it cannot carry is refused; and nobody has to listen.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_listens_gets_it() {
    let server = Redis::start().await;
    let publisher = RedisPubSub::connect(RedisOptions::new(server.url())).await.unwrap();
    let to = Address::new("news");
    publisher.prepare(std::slice::from_ref(&to)).await.unwrap();
    let sent = publisher.publish(&to, &message("order-1", 1)).await.unwrap();
    assert_eq!(sent, Published::Stored, "nobody listened");
    let listener = TcpStream::connect(server.address()).await.unwrap();
    let mut listener = BufReader::new(listener);
    listener.write_all(b"SUBSCRIBE news\r\n").await.unwrap();
    let mut line = String::new();
    while line != ":1\r\n" {
        line.clear();
        within(listener.read_line(&mut line)).await.unwrap();
    }
    publisher.publish(&to, &message("order-1", 17)).await.unwrap();
    while line != "17\r\n" {
        line.clear();
        within(listener.read_line(&mut line)).await.unwrap();
    }
    let mut binary = message("order-1", 2);
    binary.attributes.insert("type".into(), "order.placed".into());
    let refused = publisher.publish(&to, &binary).await.unwrap_err();
    assert!(matches!(refused, PublishError::Refused { .. }), "{refused:?}");
    assert!(refused.to_string().contains("Envelope::CloudEvents"), "{refused}");
}

/// Without a server it waits, and goes on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_channel_waits_for_its_server() {
    let mut server = Redis::start().await;
    let options = RedisOptions::new(server.url());
    server.kill();
    let publisher = RedisPubSub::connect(options).await.unwrap();
    let to = Address::new("news");
    down(&within(publisher.publish(&to, &message("order-1", 1))).await.unwrap_err());
    server.restart().await;
    publisher.publish(&to, &message("order-1", 1)).await.unwrap();
}
