use annals::ReadModel;

#[derive(Clone)]
struct Colour;

#[derive(ReadModel, Clone)]
#[read_model(table = "paints")]
struct Paint {
    #[key]
    weight: f64,
    colour: Colour,
}

fn main() {}
