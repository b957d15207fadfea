r"""Whether pictures show the class of their caption, and how they differ.

  accuracy = mean_n [ĉ(x_n) = c_n]
  spread   = Σ_c tr C_c(x) / Σ_c tr C_c(real)

with the class `ĉ` that a classifier reads, trained on real pictures alone, and
the covariance `C_c` of its features of the pictures of class c. Together with
the Fréchet distance they show collapse: pictures that are all alike may all be
read rightly, with a spread near 0 and far from the real ones. `spread` is
`[OURS]`.
"""

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np

from gr_jax.evaluation.intervals import bootstrap
from gr_jax.evaluation.pictures.classifier import (
  Classifier,
  make_features,
  make_read,
)
from gr_jax.evaluation.pictures.frechet import frechet_distance


@dataclasses.dataclass(frozen=True)
class Reader:
  """A trained classifier of one head.

  Attributes:
    classes: the likeliest class `[N]` of each picture.
    features: the features `[N, F]`.
  """

  classes: Callable[[np.ndarray], np.ndarray]
  features: Callable[[np.ndarray], np.ndarray]


def make_reader(model: Classifier, params: Any) -> Reader:
  """A reader that compiles once."""
  read, features = make_read(model), make_features(model)
  return Reader(
    lambda pictures: read(params, pictures)[:, 0],
    lambda pictures: features(params, pictures),
  )


@dataclasses.dataclass(frozen=True)
class Real:
  """Real pictures to compare with.

  Attributes:
    features: `[N, F]`.
    classes: `[N]`, their true classes.
  """

  features: np.ndarray
  classes: np.ndarray


def measure(
  reader: Reader, pictures: np.ndarray, captioned: np.ndarray, real: Real
) -> dict[str, Any]:
  """Figures of pictures `[N, H, W, C]` of captions of classes `[N]`.

  Returns:
    `accuracy` with the ends `low` and `high` of its interval and `n`; the share
    `by_class` of each class of `real`; `frechet` and `spread`.
  """
  right = reader.classes(pictures) == captioned
  features = reader.features(pictures)
  share = bootstrap(right[:, None].astype(np.float64)).row()
  classes = np.unique(real.classes)
  return {
    "accuracy": share.pop("value"),
    **share,
    "by_class": [float(right[captioned == c].mean()) for c in classes],
    "frechet": frechet_distance(features, real.features),
    "spread": _within(features, captioned)
    / _within(real.features, real.classes),
  }


def _within(features: np.ndarray, classes: np.ndarray) -> float:
  """The total variance within classes, summed over them."""
  return float(
    sum(features[classes == c].var(axis=0).sum() for c in np.unique(classes))
  )
