r"""The Fréchet distance of two sets of features (Heusel et al. 2017).

$$ d² = |μ_1 - μ_2|² + tr(C_1 + C_2 - 2 (C_1 C_2)^{1/2}) $$

(arXiv 1706.08500, eq. 6): the squared Wasserstein distance of two Gaussians
with the means and covariances of the sets. It is their FID where the features
are Inception's; here they are those of a classifier of the same pictures
(`classifier`), so that figures compare with each other and with no published
one.

No root of a matrix is taken `[OURS]`. With the centered rows
`(x - μ) / sqrt(n - 1) = Q R`, `C = Rᵀ R`, and `C_1 C_2` has the eigenvalues of
`(R_1 R_2ᵀ)(R_1 R_2ᵀ)ᵀ`:

$$ tr (C_1 C_2)^{1/2} = Σ_i σ_i(R_1 R_2ᵀ). $$

Singular values are real and sound to the last bits where covariances have no
full rank, as when pictures have collapsed; the root of a product of covariances
is neither.

Sets of `n` rows are farther apart than what they were drawn from, by about a
constant over `n` (Chong and Forsyth 2020, arXiv 1911.07023): compare distances
of equally many rows only, and print that of two sets of real pictures beside.
"""

from typing import NamedTuple

import numpy as np


def frechet_distance(a: np.ndarray, b: np.ndarray) -> float:
  """The squared distance `d²` of rows `[N, F]` and `[M, F]`; 0 = equal sets.

  Raises:
    ValueError: rows of different widths, fewer than two rows, or a number that
      is not finite.
  """
  a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
  if a.ndim != 2 or b.ndim != 2 or a.shape[1] != b.shape[1]:
    raise ValueError(
      f"features of {a.shape} and {b.shape}; give [N, F] and [M, F]."
    )
  if min(len(a), len(b)) < 2:
    raise ValueError(
      f"{len(a)} and {len(b)} rows of features; a covariance needs at least 2."
    )
  return distance_of_moments(moments(a), moments(b))


class Moments(NamedTuple):
  """What a distance reads of a set of features.

  Attributes:
    mean: `[F]`.
    root: `R` `[min(N, F), F]` with `Rᵀ R = C`.
  """

  mean: np.ndarray
  root: np.ndarray


def moments(rows: np.ndarray) -> Moments:
  """Those of rows `[N, F]`, at least two of them.

  Raises:
    ValueError: fewer than two rows, or a number that is not finite.
  """
  rows = np.asarray(rows, np.float64)
  if len(rows) < 2:
    raise ValueError(
      f"{len(rows)} rows of features; a covariance needs at least 2."
    )
  if not np.isfinite(rows).all():
    raise ValueError(
      "features hold NaN or infinity; look at the pictures that they are from."
    )
  return Moments(rows.mean(axis=0), _root_of_covariance(rows))


def distance_of_moments(a: Moments, b: Moments) -> float:
  """`frechet_distance` of the sets, for one that is compared with many."""
  shared = np.linalg.svd(a.root @ b.root.T, compute_uv=False).sum()
  distance = (
    np.square(a.mean - b.mean).sum()
    + np.square(a.root).sum()
    + np.square(b.root).sum()
    - 2 * shared
  )
  return max(float(distance), 0.0)


def _root_of_covariance(x: np.ndarray) -> np.ndarray:
  """`R` `[min(N, F), F]` with `Rᵀ R = C`."""
  centered = (x - x.mean(axis=0)) / np.sqrt(len(x) - 1)
  return np.asarray(np.linalg.qr(centered, mode="r"))
