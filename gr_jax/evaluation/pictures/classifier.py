"""A small convolutional classifier: it reads pictures, and its features.

Four convolutions, of stride 2 but the third, halve the sides three times, from
32 to 4 or from 24 to 3; a dense layer of what is left at all places makes the
features, whose linear maps are the heads' logits `[OURS]`. Normalization costs
as much as the convolutions on CPU (59 s of a core against 113 for two epochs of
Fashion-MNIST, accuracy alike): there is none. Convolutions written as products
of patches are no faster than XLA's here.

A head is a question with a number of answers: "which class", or "how many red
shapes". The features serve `frechet`.
"""

import dataclasses
import itertools
from collections.abc import Callable
from typing import Any, cast

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from gr_jax.data.batches import padded_batches
from gr_jax.nn.layers import Linear

# Pictures are read so many at a time.
_ROWS = 256

_he = nn.initializers.he_normal()


@dataclasses.dataclass(frozen=True)
class ClassifierConfig:
  """Sizes.

  Attributes:
    heads: the number of classes of each head.
    channels: the channels of a picture.
    widths: the channels after each halving of the sides.
    features: the width of the features.
  """

  heads: tuple[int, ...]
  channels: int = 1
  widths: tuple[int, int, int] = (32, 64, 128)
  features: int = 128

  def __post_init__(self):
    if not self.heads or min(self.heads) < 2:
      raise ValueError(
        f"heads are {self.heads}; give at least one, of 2 classes or more."
      )


class Classifier(nn.Module):
  """Logits of pictures `[B, H, W, C]` in about [-1, 1]."""

  config: ClassifierConfig

  def setup(self):
    first, second, third = self.config.widths
    self.convolutions = [
      _convolution(first, side=4, stride=2),
      _convolution(second, side=3, stride=2),
      _convolution(second, side=3, stride=1),
      _convolution(third, side=3, stride=2),
    ]
    self.dense = Linear(
      self.config.features, ("embed", "mlp"), use_bias=True, kernel_init=_he
    )
    self.logits = Linear(
      sum(self.config.heads), ("embed", "mlp"), use_bias=True
    )

  def features(self, pictures: jax.Array) -> jax.Array:
    """`[B, F]`, what the heads read."""
    x = pictures
    for convolution in self.convolutions:
      x = nn.silu(convolution(x))
    return nn.silu(self.dense(x.reshape(len(x), -1)))

  def __call__(self, pictures: jax.Array) -> list[jax.Array]:
    """The logits `[B, classes]` of each head."""
    logits = self.logits(self.features(pictures))
    ends = list(itertools.accumulate(self.config.heads))
    return jnp.split(logits, ends[:-1], axis=-1)


def _convolution(features: int, *, side: int, stride: int) -> nn.Conv:
  # Its axes have no names: small, and whole on every device.
  return nn.Conv(features, (side, side), stride, kernel_init=_he)


Read = Callable[..., np.ndarray]
"""`(params, pictures [N, H, W, C]) -> [N, ...]`, of any number of pictures."""


def make_features(model: Classifier) -> Read:
  """The compiled features `[N, F]` float32 of pictures."""
  return in_batches(
    lambda params, pictures: model.apply(params, pictures, method="features")
  )


def make_read(model: Classifier) -> Read:
  """The compiled answers `[N, heads]` of pictures: the likeliest classes."""

  def read(params: Any, pictures: jax.Array) -> jax.Array:
    logits = cast(list[jax.Array], model.apply(params, pictures))
    return jnp.stack([jnp.argmax(x, axis=-1) for x in logits], axis=-1)

  return in_batches(read)


def in_batches(function: Callable[..., Any]) -> Read:
  """Compiles `(params, pictures, ...) -> [N, ...]` for any number of pictures.

  Further arguments are arrays `[N, ...]` as well.
  """
  compiled = jax.jit(function)

  def read(
    params: Any, pictures: np.ndarray, *others: np.ndarray
  ) -> np.ndarray:
    arrays = np.asarray(pictures, np.float32), *others
    found = [
      np.asarray(compiled(params, *rows))
      for rows in padded_batches(arrays, _ROWS)
    ]
    return np.concatenate(found)[: len(pictures)]

  return read
