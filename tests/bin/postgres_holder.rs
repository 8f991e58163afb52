//! `postgres_holder URL NAME POSITION`: a process that has a checkpoint locked in a transaction until it
//! reads a line, moves it then, and says what came of that.

use annals::PgStore;
use annals::Position;
use annals::store::TransactExt;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [url, name, position] = arguments.as_slice() else {
        return Err("needs URL NAME POSITION".into());
    };
    let store = PgStore::connect(url).await?;
    let (name, position) = (name.clone(), Position::new(position.parse()?));
    let moved = store.transact_with(move |transaction| {
        let name = name.clone();
        Box::pin(async move {
            transaction.checkpoint(&name).await?;
            println!("locked");
            let read =
                tokio::task::spawn_blocking(|| std::io::stdin().read_line(&mut String::new()));
            read.await.map_err(annals::store::StoreError::refused)?.ok();
            transaction.set_checkpoint(&name, position).await
        })
    });
    match moved.await {
        Ok(()) => println!("moved"),
        Err(error) => println!("{:?}: {error}", error.kind()),
    }
    Ok(())
}
