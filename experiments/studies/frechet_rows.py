"""Fréchet distances of variants' pictures, beside a baseline's.

The pictures of every variant and seed show the same prompts as real ones do;
intervals draw captions, real pictures with them, and seeds. A set that is drawn
with replacement holds pictures twice and is farther from everything, by about
the same for all: the spread of draws is used and not their middle,

  d ± t (Σ_k (d_k - mean d)² / (K - 1))^(1/2),

with Student's t of as many degrees of freedom as seeds less one `[OURS]`.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np
from scipy import special

from gr_jax.evaluation.pictures.frechet import distance_of_moments, moments

METRIC = "frechet"

# Variant, then seed, to the features `[P, E, F]` of its pictures of P prompts.
Features = Mapping[str, Mapping[int, np.ndarray]]


def frechet_rows(
  features: Features,
  real: np.ndarray,
  users: np.ndarray,
  pairs: Sequence[tuple[str, str]],
  *,
  draws: int = 100,
) -> Iterator[dict]:
  """Yields rows as `paired.rows` does, with the metric `METRIC`.

  Args:
    features: Those of every variant and seed; one stands for all of them.
    real: `[P, E, F]`, the features of real pictures of the same prompts.
    users: `[P]`, the caption of every prompt by number.
    pairs: `(variant, baseline)`.
    draws: how often captions and seeds are drawn, `K`.
  """
  seeds = max((list(found) for found in features.values()), key=len)
  rng = np.random.default_rng(0)
  own = distances(features, real, np.arange(len(users)))
  drawn = [
    (
      distances(features, real, drawn_captions(rng, users)),
      rng.choice(seeds, len(seeds)),
    )
    for _ in range(draws)
  ]
  for arm, baseline in pairs:
    value, by_seed = _beside(own, arm, baseline, seeds)
    spread = np.std(
      [np.mean(_beside(there, arm, baseline, some), axis=1)
       for there, some in drawn],
      axis=0, ddof=1,
    )  # fmt: skip
    freedom = max(len(features[arm]), len(features[baseline])) - 1
    wide = spread * (
      special.stdtrit(freedom, 0.975) if freedom else special.ndtri(0.975)
    )
    difference = by_seed.mean()
    p = None
    if arm != baseline and freedom and spread[1]:
      p = 2 * special.stdtr(freedom, -abs(difference) / spread[1])
    yield {
      "metric": METRIC, "arm": arm, "baseline": baseline,
      **_ends(value.mean(), wide[0], ("value", "value_low", "value_high")),
      **_ends(difference, wide[1], ("difference", "low", "high")),
      "p": None if p is None else float(f"{p:.3g}"),
      "agreeing": int((np.sign(by_seed) == np.sign(difference)).sum()),
      "by_seed": [round(float(x), 6) for x in by_seed],
      "value_by_seed": [round(float(x), 6) for x in value],
      "compared": len(seeds), "seeds": len(features[arm]), "n": len(users),
    }  # fmt: skip


def distances(
  features: Features, real: np.ndarray, rows: np.ndarray
) -> dict[str, dict[int, float]]:
  """The distance of every variant and seed over `rows` of the prompts."""
  width = real.shape[-1]
  these = moments(real[rows].reshape(-1, width))
  return {
    name: {
      seed: distance_of_moments(moments(x[rows].reshape(-1, width)), these)
      for seed, x in found.items()
    }
    for name, found in features.items()
  }


def drawn_captions(rng: np.random.Generator, users: np.ndarray) -> np.ndarray:
  """Rows of as many captions as there are, drawn with replacement."""
  captions = np.unique(users)
  chosen = rng.choice(captions, len(captions))
  return np.concatenate([np.flatnonzero(users == one) for one in chosen])


def _beside(
  found: Mapping[str, Mapping[int, float]],
  arm: str,
  baseline: str,
  seeds: Iterable[int],
) -> np.ndarray:
  """`[2, S]`: the distance of each seed, and less the baseline's."""
  value, base = (
    np.array([one.get(seed, one[min(one)]) for seed in seeds])
    for one in (found[arm], found[baseline])
  )
  return np.stack([value, value - base])


def _ends(middle: float, wide: float, names: Sequence[str]) -> dict[str, float]:
  ends = (middle, middle - wide, middle + wide)
  return dict(zip(names, map(float, ends)))
