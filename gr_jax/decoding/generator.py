"""The contract between a generator and the searches that drive it."""

from typing import Any, Protocol

import jax


class Generator(Protocol):
  """A model of semantic IDs, one code at a time.

  Searches and samplers call nothing else. What changes from step to step is a
  cache, an argument and a result, so that both methods are pure functions.
  """

  def prefill(self, variables: Any, prompt: Any, /) -> tuple[jax.Array, Any]:
    """Reads the prompts of `B` requests.

    Args:
      variables: the parameters, and whatever else the model reads.
      prompt: the requests, in the form that this generator was trained on.

    Returns:
      Log-probabilities `[B, C_0]` float32 of the first code, and the cache.
    """
    ...

  def decode_step(
    self,
    variables: Any,
    codes: jax.Array,
    parents: jax.Array,
    cache: Any,
    /,
    *,
    level: int,
  ) -> tuple[jax.Array, Any]:
    """Reads one more code of every beam.

    Args:
      variables: as for `prefill`.
      codes: `[B, M]` int32, the codes chosen at `level - 1`, always in
        `0..C_{level-1} - 1` (0 for beams that are dead or have ended; what
        they get is not read).
      parents: `[B, M]` int32, the beam of the step before that each extends.
        The number of beams may differ from the step before; the first step's
        parents are all 0.
      cache: what `prefill` or the step before returned.
      level: the level to predict, a Python integer.

    Returns:
      Log-probabilities `[B, M, C_level]` float32, with a last column for END
      where IDs may end before this level, and the cache.
    """
    ...
