//! Randomness that is the same everywhere: splitmix64 and an integer Zipf table.

/// A one-to-one scramble: different numbers stay different, which is what makes ids unique.
pub fn scramble(number: u64) -> u64 {
    let mut z = number.wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// The splitmix64 stream.
pub struct Random(u64);

impl Random {
    /// The stream number `stream` of a seed.
    pub fn new(seed: u64, stream: u64) -> Self {
        Self(scramble(scramble(seed) ^ stream))
    }

    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        scramble(self.0)
    }

    /// A number from 0 to `end` - 1.
    pub fn below(&mut self, end: u64) -> u64 {
        self.bits() % end
    }

    /// A number from 0 to 99 is below `percent`.
    pub fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// A number whose order of magnitude is drawn first, from 2^`low` to 2^`high`: sizes and durations look like this.
    pub fn magnitude(&mut self, low: u64, high: u64) -> u64 {
        let base = 1 << (low + self.below(high - low));
        base + self.below(base)
    }

    pub fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        let end = u64::try_from(items.len()).expect("a length fits 64 bits");
        &items[index(self.below(end))]
    }
}

/// Items of which the k-th is drawn k times less often than the first.
pub struct Zipf<T> {
    items: Vec<T>,
    sums: Vec<u64>,
}

impl<T> Zipf<T> {
    const FIRST: u64 = 1 << 32;

    pub fn new(items: Vec<T>) -> Self {
        let sums = (1..)
            .map(|rank| Self::FIRST / rank)
            .scan(0, |sum, weight| {
                *sum += weight;
                Some(*sum)
            })
            .take(items.len())
            .collect();
        Self { items, sums }
    }

    pub fn pick(&self, random: &mut Random) -> &T {
        let total = *self.sums.last().expect("a pool has items");
        let at = random.below(total);
        &self.items[self.sums.partition_point(|&sum| sum <= at)]
    }
}

/// Draws by weight from a table of (weight, value).
pub fn weighted<T: Copy>(random: &mut Random, table: &[(u64, T)]) -> T {
    let total = table.iter().map(|(weight, _)| weight).sum();
    let mut at = random.below(total);
    for &(weight, value) in table {
        if at < weight {
            return value;
        }
        at -= weight;
    }
    unreachable!("the number drawn is below the sum of the weights")
}

fn index(number: u64) -> usize {
    usize::try_from(number).expect("smaller than the length of a slice")
}
