//! `postgres_writer URL SEED WRITERS APPENDS`: a process that writes to a PostgreSQL store beside
//! others, and says at once what it is told.

use annals_tests::writing::write_and_tell;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [url, seed, writers, appends] = arguments.as_slice() else {
        return Err("needs URL SEED WRITERS APPENDS".into());
    };
    Ok(write_and_tell(url, seed.parse()?, writers.parse()?, appends.parse()?).await?)
}
