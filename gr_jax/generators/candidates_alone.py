"""A generator of whose network nothing is used: its candidates alone.

Validation may find that a kind of requests is answered best without the network
(`CandidatePrior.used` of 0). Its scores are then multiplied by 0 and its gates
are one, so it need not run: what is left, the popularity and the candidates of
a request folded to codes, is the same `Generator` at a fraction of the time.
Not so of one that predicts values, by which all its answers are ranked.
"""

import dataclasses
from collections.abc import Sequence
from typing import Any, cast

import jax
import jax.numpy as jnp
import numpy as np

from gr_jax.decoding.generator import Generator
from gr_jax.decoding.value_ranking import is_valued
from gr_jax.generators.network import Network
from gr_jax.generators.priors.count_prior import PriorState
from gr_jax.generators.prompts.writer import Prompt
from gr_jax.generators.reading import AnyPrompt


@dataclasses.dataclass(frozen=True)
class CandidatesAlone:
  """The scores of a network that reads candidates, with no network.

  Equal to those of the network itself where `CandidatePrior.used` is 0 for the
  kinds of all requests.

  Attributes:
    network: the generator; the variables are its own.
  """

  network: Network

  def prefill(
    self, variables: Any, prompt: tuple[Prompt, jax.Array], /
  ) -> tuple[jax.Array, PriorState]:
    """As `Generator.prefill`; the cache is the state of the counts."""
    return self.network.apply(variables, prompt[0], method=_first)

  def decode_step(
    self,
    variables: Any,
    codes: jax.Array,
    parents: jax.Array,
    cache: PriorState,
    /,
    *,
    level: int,
  ) -> tuple[jax.Array, PriorState]:
    """As `Generator.decode_step`."""
    inputs = codes, parents, cache, level
    return self.network.apply(variables, *inputs, method=_next)


def _first(network: Any, prompt: Prompt) -> tuple[jax.Array, PriorState]:
  head = network.head
  prior = head.prior.start(prompt)
  states = jnp.zeros((*prior.nodes.shape, network.config.width))
  bias = head.prior.bias(prior, head.counts, states, 0)
  return jax.nn.log_softmax(bias[:, 0]), prior


def _next(
  network: Any,
  codes: jax.Array,
  parents: jax.Array,
  prior: PriorState,
  level: int,
) -> tuple[jax.Array, PriorState]:
  head = network.head
  prior = head.prior.follow(prior, head.counts, codes, parents, level - 1)
  states = jnp.zeros((*codes.shape, network.config.width))
  bias = head.prior.bias(prior, head.counts, states, level)
  return jax.nn.log_softmax(bias), prior


class UsedParts:
  """Which generator answers a request: a network, or its candidates alone.

  Args:
    generator: the network, or any other generator.
    variables: its parameters, and whatever else it reads.
  """

  def __init__(self, generator: Generator, variables: Any):
    self._whole, self._alone = generator, None
    if getattr(generator, "candidate_features", 0) and not is_valued(generator):
      own = variables["params"]["prior"]["candidates"]
      self._used = np.asarray(jax.device_get(own["used"])) != 0
      self._alone = CandidatesAlone(cast(Network, generator))

  def answering(self, kinds: np.ndarray | None) -> Generator:
    """What answers a batch: the network, if one of its requests uses it.

    Args:
      kinds: places in `KINDS` of the requests, None without candidates.
    """
    if self._alone is None or kinds is None or self._used[kinds].any():
      return self._whole
    return self._alone

  def all_answering(self, kinds: Sequence[int]) -> set[Generator]:
    """What may have to answer some batch of requests of these kinds."""
    return {self.answering(np.array(kind)) for kind in kinds}


def kinds_of(prompt: AnyPrompt) -> np.ndarray | None:
  """Places in `KINDS` of the requests of a prompt; None without candidates."""
  return (
    None if prompt.candidates is None else np.asarray(prompt.candidates.kind)
  )
