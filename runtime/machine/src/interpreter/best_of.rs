//! Which model of a `best_of` is asked: Thompson sampling over the outcomes of earlier answers.
//!
//! For each model a chance of success, and a mean cost or time, is drawn from what its outcomes leave possible; the
//! best draw is asked first. Models with few outcomes have wide draws, so they are tried now and then, and less often
//! the more is known of the others. Reference: Chapelle and Li, "An Empirical Evaluation of Thompson Sampling" (2011).
//!
//! The draws follow from the id of the run and the path of the stage: the machine has no random numbers.

use std::collections::HashMap;

use cascade_ir::{Model, ModelId, limits::Tokens};
use sha2::{Digest, Sha256};
use smol_str::SmolStr;

/// What is known of the answers that a model gave to a skill.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ModelOutcomes {
    /// Answers that were of their type.
    pub good: u64,
    /// Answers that were refused, and calls that failed through the model.
    pub bad: u64,
    /// What all of them cost, in millionths of a US dollar.
    pub cost: u64,
    /// How many of them have a known duration.
    pub timed: u64,
    /// The time that those took, in milliseconds.
    pub ms: u64,
}

impl ModelOutcomes {
    /// Counts an answer.
    pub fn add(&mut self, good: bool, cost: i64, ms: Option<u64>) {
        *(if good { &mut self.good } else { &mut self.bad }) += 1;
        self.cost = self.cost.saturating_add(cost.max(0).unsigned_abs());
        if let Some(ms) = ms {
            self.timed += 1;
            self.ms = self.ms.saturating_add(ms);
        }
    }

    /// The number of answers.
    pub fn count(&self) -> u64 {
        self.good.saturating_add(self.bad)
    }
}

/// Outcomes by the names of the skill and the model.
pub type KnownOutcomes = HashMap<(SmolStr, SmolStr), ModelOutcomes>;

/// The tokens of an answer by which a model without outcomes is judged.
const USUAL: Tokens = Tokens { input: 1_000, cache_read: 0, cache_write: 0, output: 500 };
/// The duration by which it is judged, in milliseconds.
const USUAL_MS: f64 = 5_000.0;

/// The models of a `best_of`, the best draw first.
pub(super) fn rank_models(
    by: &str,
    models: &[(ModelId, &Model, ModelOutcomes)],
    run: &str,
    path: &str,
) -> Vec<ModelId> {
    let mut random = Random::new(run, path);
    let mut drawn: Vec<(f64, ModelId)> = models
        .iter()
        .map(|(id, model, known)| {
            let success = random.beta(known.good as f64 + 1.0, known.bad as f64 + 1.0).max(1e-9);
            let score = match by {
                "cost" => {
                    let usual = model.price(USUAL) as f64;
                    -random.sample_mean(known.cost as f64 + usual, known.count() as f64 + 1.0) / success
                }
                "latency" => -random.sample_mean(known.ms as f64 + USUAL_MS, known.timed as f64 + 1.0) / success,
                _ => success,
            };
            (score, *id)
        })
        .collect();
    drawn.sort_by(|a, b| b.0.total_cmp(&a.0));
    drawn.into_iter().map(|(_, id)| id).collect()
}

/// Numbers that follow from the run and the stage: SplitMix64.
struct Random(u64);

impl Random {
    fn new(run: &str, path: &str) -> Self {
        let mut hash = Sha256::new();
        hash.update(run.as_bytes());
        hash.update([0]);
        hash.update(path.as_bytes());
        let digest = hash.finalize();
        let mut seed = [0; 8];
        seed.copy_from_slice(&digest[..8]);
        Self(u64::from_le_bytes(seed))
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Between 0 and 1, without either.
    fn next_uniform(&mut self) -> f64 {
        ((self.next() >> 11) as f64 + 0.5) / (1_u64 << 53) as f64
    }

    /// Of mean 0 and variance 1 (Box and Muller).
    fn normal(&mut self) -> f64 {
        let (a, b) = (self.next_uniform(), self.next_uniform());
        (-2.0 * a.ln()).sqrt() * (std::f64::consts::TAU * b).cos()
    }

    /// Of a gamma distribution with this shape, at least 1, and scale 1 (Marsaglia and Tsang).
    fn gamma(&mut self, shape: f64) -> f64 {
        let d = shape - 1.0 / 3.0;
        let c = 1.0 / (9.0 * d).sqrt();
        loop {
            let x = self.normal();
            let v = (1.0 + c * x).powi(3);
            if v > 0.0 && self.next_uniform().ln() < 0.5 * x * x + d - d * v + d * v.ln() {
                return d * v;
            }
        }
    }

    fn beta(&mut self, a: f64, b: f64) -> f64 {
        let (x, y) = (self.gamma(a), self.gamma(b));
        x / (x + y)
    }

    /// A mean that `count` positive amounts of this sum may have.
    fn sample_mean(&mut self, sum: f64, count: f64) -> f64 {
        sum / self.gamma(count + 1.0)
    }
}
