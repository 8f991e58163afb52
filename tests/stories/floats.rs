//! A number that is written into an event is read back to the last bit, so that a state that is folded
//! from history equals the one that is still in memory.

use annals::NewEvent;
use annals::prelude::*;
use annals_tests::random::Random;

#[derive(Event, Debug, Clone, PartialEq)]
#[event(name = "sensor.measured")]
struct Measured {
    values: Vec<f64>,
}

#[test]
fn every_finite_number_survives_its_json() {
    let seed = uuid::Uuid::now_v7().as_u128() as u64;
    println!("seed {seed}");
    let mut random = Random::new(seed);
    let mut values: Vec<f64> = std::iter::repeat_with(|| f64::from_bits(random.number()))
        .filter(|value| value.is_finite())
        .take(20_000)
        .collect();
    values.extend([f64::MIN_POSITIVE, f64::MAX, f64::MIN, -0.0, 5e-324, 0.1 + 0.2]);
    let written = Measured { values };
    let new = NewEvent::of(&written).expect("finite numbers can be written");
    let read = Measured::decode(new.event_type.as_str(), new.schema_version, new.payload.as_str());
    let read = read.expect("what was written can be read");
    let bits = |event: &Measured| event.values.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
    assert!(bits(&read) == bits(&written), "a number changed on its way");
}
