//! Choices that depend on the input alone.

/// Rolls that are the same for the same input, so that an input tells a finding's whole story and
/// corpora are plain logs.
pub(super) struct Dice(u64);

impl Dice {
    /// Dice for this input (FNV-1a).
    pub(super) fn of(data: &[u8]) -> Self {
        let mix = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        Self(data.iter().fold(0xcbf2_9ce4_8422_2325, mix))
    }

    /// A number below `sides` (`SplitMix64`).
    pub(super) fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let below = (mixed >> 31) % sides.max(1) as u64;
        usize::try_from(below).expect("it is below a usize")
    }

    /// The data in pieces: whole, all of a size, or of any sizes. Some of them may be empty.
    pub(super) fn pieces<'a>(&mut self, data: &'a [u8]) -> Vec<&'a [u8]> {
        match self.roll(4) {
            0 => vec![data],
            1 => data.chunks(1 + self.roll(16)).collect(),
            _ => {
                let most = 1 + data.len() / (1 + self.roll(8));
                let mut pieces = Vec::new();
                let mut rest = data;
                while !rest.is_empty() {
                    let (piece, after) = rest.split_at(self.roll(most + 1).min(rest.len()));
                    pieces.push(piece);
                    rest = after;
                }
                pieces
            }
        }
    }
}
