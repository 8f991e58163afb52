//! Writers, followers and the server are killed, frozen and restarted for some seconds; then every
//! promise is checked by SQL (I1, I2, I4, I7). `cargo run -p annals-tests --bin soak -- 30` does the
//! same for half an hour.

use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;

/// The run is a tenth of a minute long; what follows reads everything once.
const PATIENCE: Duration = Duration::from_secs(180);

#[tokio::test]
async fn a_short_soak_holds_every_promise() {
    let soak = Command::new(env!("CARGO_BIN_EXE_soak"))
        .arg("0.15")
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let ended = tokio::time::timeout(PATIENCE, soak).await.expect("the run ends");
    let output = ended.expect("the run starts");
    // With the seed that repeats it.
    println!("{}", String::from_utf8_lossy(&output.stdout));
    let complaints = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "a promise is broken: {complaints}");
}
