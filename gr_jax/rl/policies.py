"""Which policy is aligned: what draws its groups and what scores them.

Both must be of one policy, or the ratios of the losses mean nothing.
"""

from collections.abc import Callable
from typing import NamedTuple

from gr_jax.decoding.sampling import Rollouts, sample_group
from gr_jax.decoding.scoring import (
  ScoreCodes,
  constrained_log_probs,
  model_log_probs,
)
from gr_jax.decoding.unconstrained_sampling import sample_unconstrained_group


class Policy(NamedTuple):
  """A policy over IDs.

  Attributes:
    sample: as `rollouts.sample_group`.
    score: as `scoring.constrained_log_probs`.
  """

  sample: Callable[..., Rollouts]
  score: ScoreCodes


# What a search inside the trie can say.
CONSTRAINED = Policy(sample_group, constrained_log_probs)
# The model as it is: it may say codes that name nothing, and unlearn them.
UNCONSTRAINED = Policy(sample_unconstrained_group, model_log_probs)
