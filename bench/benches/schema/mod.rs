//! Schemas that the benches make.

/// Drops a schema with all that is in it. What stands after the `?` of the URL is for Annals only.
pub(crate) async fn drop_schema(url: &str, schema: &str) -> Result<(), tokio_postgres::Error> {
    let plain = url.split('?').next().unwrap_or(url);
    let (client, connection) = tokio_postgres::connect(plain, tokio_postgres::NoTls).await?;
    tokio::spawn(connection);
    client.batch_execute(&format!("DROP SCHEMA {schema} CASCADE")).await
}
