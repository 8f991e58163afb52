//! Random numbers from a seed that a failing test can print.

/// SplitMix64 (Steele, Lea, Flood 2014): small, and good enough to choose moments and amounts.
#[derive(Debug, Clone)]
pub struct Random(u64);

/// The seed of a story, which is printed: `ANNALS_SEED` where that is set, else one that was not there before.
///
/// # Panics
/// When `ANNALS_SEED` is no number.
pub fn seed() -> u64 {
    let seed = match std::env::var("ANNALS_SEED") {
        Ok(seed) => seed.parse().expect("ANNALS_SEED is a number"),
        Err(_) => uuid::Uuid::now_v7().as_u128() as u64,
    };
    println!("ANNALS_SEED={seed}");
    seed
}

impl Random {
    /// The numbers that follow from a seed.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number.
    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `bound`, which is not 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.number() % bound
    }
}
