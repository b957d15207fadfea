"""Groups of pictures for prompts, as the alignment loop carries them."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import struct

from gr_jax.rl.scored_group import Group

Generate = Callable[[Any, Any, jax.Array], jax.Array]
"""`(params, prompts, seeds [N]) -> pictures [N, ...]`, prompts a tree `[N,
...]`; a picture depends on its own prompt and seed alone."""
PictureReward = Callable[[Any, Any], np.ndarray]
"""`(prompts, pictures [N, ...]) -> [N]`, of prompts with facts of the judge."""


@struct.dataclass
class PictureBatch:
  """`B` prompts.

  Attributes:
    prompts: what the network reads, a tree of arrays `[B, ...]`.
    facts: what the reward reads besides, a tree of arrays `[B, ...]`.
  """

  prompts: Any
  facts: Any = None


@struct.dataclass
class PictureSamples:
  """`G` pictures of each of `B` prompts.

  Attributes:
    prompts: a tree `[B, ...]`.
    seeds: `[B, G]` int32; a prompt, a seed and weights make a picture again.
    pictures: `[B, G, ...]` float32.
    figures: of the rollout, each `[B]`: what it chose from.
  """

  prompts: Any
  seeds: jax.Array
  pictures: jax.Array
  figures: dict[str, jax.Array]

  @property
  def group(self) -> Group:
    """The members, whose choice is their seed."""
    there = jnp.ones(self.seeds.shape, bool)
    return Group(self.seeds, self.seeds[..., None], there[..., None], there)


def draw_seeds(key: jax.Array, prompts: int, each: int) -> jax.Array:
  """`[prompts, each]` int32."""
  return jax.random.randint(key, (prompts, each), 0, np.iinfo(np.int32).max)


def repeat_prompts(prompts: Any, each: int) -> Any:
  """Every row of a tree `[B, ...]` `each` times in turn, `[B each, ...]`."""
  return jax.tree.map(lambda x: jnp.repeat(x, each, axis=0), prompts)
