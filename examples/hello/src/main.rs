//! A complete bank account in sixty lines, at work: `account.rs` is all there is to it.

// Included, so that it is formatted by hand, as it stands in the README: it is the tour there.
include!("account.rs");

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let annals = Annals::open("memory:").await?.project(Balances).start().await?;
    let id = Uuid::now_v7();

    annals.execute(&id, |account: &Account| account.open("Ada")).await?;
    annals.execute(&id, |account: &Account| account.deposit(700)).await?;

    // A caller reads its own write: the read waits for the read model.
    let withdraw = |account: &Account| account.withdraw(500);
    let (receipt, balance) = annals.execute(&id, withdraw).then_read::<Balance>(id).await?;
    println!("{} is at version {}: {balance:?}", receipt.stream, receipt.version);

    // A refusal is the domain's own error; nothing was written.
    let refused = annals.execute(&id, withdraw).await;
    println!("again: {}", refused.err().ok_or("the second withdrawal went through")?);

    let rebuilt = annals.rebuild::<Balances>().await?;
    println!(
        "rebuilt from {} events: {:?}",
        rebuilt.events,
        annals.read::<Balance>().list().await?
    );
    Ok(())
}
