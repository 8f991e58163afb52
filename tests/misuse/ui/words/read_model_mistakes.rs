use annals::ReadModel;

#[derive(ReadModel, Clone)]
#[read_model(table = "Order Lines", index(nowhere))]
struct Line {
    order: u32,
    #[column(name = "order")]
    text: String,
}

#[derive(ReadModel, Clone)]
struct NoTable(u32);

#[derive(ReadModel, Clone)]
#[read_model(table = "sqlite_rows", colour = "red")]
struct Reserved<T> {
    #[key]
    id: Option<T>,
}

fn main() {}
