//! The shop says how it is doing while it runs.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(60);

/// A shop that is closed with the test.
struct Shop(Child);

impl Drop for Shop {
    fn drop(&mut self) {
        // It may have come to its end by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Reads what the shop prints, from a thread of its own so that it never waits for its reader, and finds
/// the address.
fn address(stdout: ChildStdout) -> SocketAddr {
    let (found, address) = channel();
    std::thread::spawn(move || {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            let url = line.split_whitespace().find_map(|word| word.strip_prefix("http://"));
            if let Some(url) = url {
                let address = url.split('/').next().unwrap_or_default().parse();
                // The test takes one.
                let _ = found.send(address.expect("an address"));
            }
        }
    });
    address.recv_timeout(PATIENCE).expect("the shop says where its health is served")
}

/// The status and the body of an answer.
fn get(address: SocketAddr, path: &str) -> (u16, String) {
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE).expect("it listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("a time limit");
    let request = format!("GET {path} HTTP/1.1\r\nHost: shop\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).expect("it reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("it answers");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
    (status.expect("a status"), body.to_owned())
}

#[test]
fn its_health_is_served_while_it_runs() {
    let mut shop = Command::new(env!("CARGO_BIN_EXE_shop"));
    shop.args(["--store", "memory:", "--orders", "100000", "--health", "127.0.0.1:0"]);
    let shop = shop.stdout(Stdio::piped()).spawn().expect("it starts");
    let mut shop = Shop(shop);
    let address = address(shop.0.stdout.take().expect("it is piped"));

    // Its partitions have nobody to begin with.
    let begun = Instant::now();
    let body = loop {
        let (status, body) = get(address, "/health");
        match status {
            200 => break body,
            503 => assert!(begun.elapsed() < PATIENCE, "it does not become ready: {body}"),
            other => panic!("{other}: {body}"),
        }
    };
    for part in [r#""live":true"#, r#""ready":true"#, r#""degraded":false"#, r#""trouble":{}"#] {
        assert!(body.contains(part), "{part} in {body}");
    }
    assert_eq!(get(address, "/live").0, 200);
    assert_eq!(get(address, "/ready").0, 200);
    assert_eq!(get(address, "/other").0, 404);
}
