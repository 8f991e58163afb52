//! Changing what tables and views there are while others read them.
//!
//! A change of a view or a table waits until its readers' transactions have ended, and whoever comes
//! later waits behind it. So it waits for a moment only, lets the others through, and tries again.

use std::time::Duration;

use annals_core::store::StoreError;
use annals_core::table::TableSpec;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::Type;

use crate::event_row::get;
use crate::link::Link;
use crate::session::Bound;
use crate::table_sql;

/// How long a change waits for readers, and others behind it.
const BRIEFLY: Duration = Duration::from_millis(200);

/// How often it tries.
const TRIES: u32 = 3;

/// How long others are let through in between.
const PAUSE: Duration = Duration::from_millis(50);

pub(crate) async fn drop_table(link: Link<'_>, table: &str) -> Result<(), StoreError> {
    let sql = table_sql::drop_table(link.schema(), table)?;
    if kind_of(link, table).await?.as_deref() == Some("v") {
        return Err(StoreError::Invalid {
            why: format!("`{table}` is a view, and a table was to be removed"),
        });
    }
    change(link, table, &sql).await
}

pub(crate) async fn drop_view(link: Link<'_>, view: &str) -> Result<(), StoreError> {
    let schema = link.schema();
    // Checks the name.
    table_sql::drop_table(schema, view)?;
    change(link, view, &table_sql::drop_view(schema, view)).await
}

/// Where the columns fit, the view is replaced, which keeps what was granted on it and what others
/// have built on it.
pub(crate) async fn point_view(
    link: Link<'_>,
    view: &str,
    table: &TableSpec,
) -> Result<(), StoreError> {
    table.named(view).check()?;
    if kind_of(link, &table.name).await?.is_none() {
        return Err(StoreError::NoSuchTable { table: table.name.clone() });
    }
    let schema = link.schema();
    let create = table_sql::create_view(schema, view, table);
    match kind_of(link, view).await?.as_deref() {
        None => change(link, view, &create).await,
        Some("v") if fits(link, view, &table.name).await? => change(link, view, &create).await,
        Some("v") => {
            let grants = grants(link, view).await?;
            let drop = table_sql::drop_view(schema, view);
            change(link, view, &format!("{drop}; {create}; {grants}")).await
        }
        Some(_) => Err(StoreError::Invalid {
            why: format!(
                "something named `{view}` that is no view is in schema `{}` already: give the \
                 read model another table name",
                schema.0
            ),
        }),
    }
}

/// `r` (a table) or `v` (a view), if there is anything of this name.
async fn kind_of(link: Link<'_>, name: &str) -> Result<Option<String>, StoreError> {
    find(link, &link.sql.find_table, &[name]).await
}

/// Whether a view can be replaced by one of a table.
async fn fits(link: Link<'_>, view: &str, table: &str) -> Result<bool, StoreError> {
    Ok(find(link, &link.sql.view_fits, &[view, table]).await?.unwrap_or_default())
}

/// What others may do with a view, as statements.
async fn grants(link: Link<'_>, view: &str) -> Result<String, StoreError> {
    let grants: Option<Option<String>> = find(link, &link.sql.read_grants, &[view]).await?;
    Ok(grants.flatten().unwrap_or_default())
}

/// The first column of the first row about things in the schema.
async fn find<T>(link: Link<'_>, sql: &str, names: &[&str]) -> Result<Option<T>, StoreError>
where
    T: for<'r> tokio_postgres::types::FromSql<'r>,
{
    let schema = link.schema().0.as_str();
    let mut values = vec![schema];
    values.extend(names);
    let values: Vec<Bound<'_>> = values.iter().map(|value| (value as _, Type::TEXT)).collect();
    link.query_opt(sql, &values).await?.map(|row| get(&row, 0)).transpose()
}

async fn change(link: Link<'_>, name: &str, sql: &str) -> Result<(), StoreError> {
    let briefly = BRIEFLY.min(link.options().lock_timeout).as_millis();
    let batch = format!(
        "SAVEPOINT change; SET LOCAL lock_timeout = {briefly}; {sql};
         SET LOCAL lock_timeout TO DEFAULT; RELEASE change"
    );
    let mut tries = 1;
    loop {
        let Err(error) = link.session.client.batch_execute(&batch).await else { return Ok(()) };
        if error.code() == Some(&SqlState::DEPENDENT_OBJECTS_STILL_EXIST) {
            return Err(depended_on(link, name, &error));
        }
        if error.code() != Some(&SqlState::LOCK_NOT_AVAILABLE) {
            return Err(link.failed()(error));
        }
        link.run("ROLLBACK TO change; RELEASE change").await?;
        if tries == TRIES {
            return Err(held(link, name).await?);
        }
        tries += 1;
        tokio::time::sleep(PAUSE).await;
    }
}

/// Says who uses a table or a view.
async fn held(link: Link<'_>, name: &str) -> Result<StoreError, StoreError> {
    let holder: Option<String> = find(link, &link.sql.relation_holder, &[name]).await?;
    let holder = holder.unwrap_or_else(|| "somebody who has let it go".to_owned());
    Ok(StoreError::Locked {
        place: link.connector.place.to_string(),
        hint: format!(
            "`{name}` cannot be changed while it is used by {holder}: end that transaction, or \
             wait for it"
        ),
    })
}

fn depended_on(link: Link<'_>, name: &str, error: &tokio_postgres::Error) -> StoreError {
    let detail = error.as_db_error().and_then(|said| said.detail()).unwrap_or_default();
    StoreError::Invalid {
        why: format!(
            "`{name}` in schema `{}` has to go or to change its columns, and something of your \
             own is built on it ({}): drop that, and make it again when this is done",
            link.schema().0,
            detail.replace('\n', "; ")
        ),
    }
}
