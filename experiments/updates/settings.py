"""The options of an update."""

import dataclasses

LEAST_STEPS = 2
"""The rate climbs from 0, so that a single step would learn nothing."""

_SHARES = ("replay", "held_out", "least_gap")
_ABOVE = ("learning_rate", "passes", "requests", "most_drift")


@dataclasses.dataclass(frozen=True)
class UpdateConfig:
  """How an update learns, and what keeps it from being served.

  Attributes:
    replay: the share of a batch that was learned before, every group of the
      run's log and of earlier updates as likely as any other; of a run with
      candidates those of earlier updates alone, so its first update replays
      nothing.
    learning_rate: the peak, as a share of the run's own. It climbs to it anew
      and falls to zero again: with replay, as good as training on everything
      from the start (Ibrahim et al. 2024, arXiv 2403.08763).
    passes: the number of times that a new group is learned.
    steps: updates of the parameters; 0 = as `passes` says.
    held_out: the share of the new requests, the newest, that are not learned:
      the newest slice.
    requests: the number of requests of a slice, at most.
    most_drift: the largest population stability index of the inputs.
    least_gap: the smallest share of the old gap of permuted answers that a
      batch must have; see `bad_batch`.
    seed: the seed of everything that is drawn.
  """

  replay: float = 0.5
  learning_rate: float = 0.3
  passes: float = 3.0
  steps: int = 0
  held_out: float = 0.2
  requests: int = 2000
  most_drift: float = 1.0
  least_gap: float = 0.5
  seed: int = 0

  def __post_init__(self):
    for name in _SHARES:
      if not 0 <= getattr(self, name) < 1:
        raise ValueError(
          f"--{name}={getattr(self, name)}: must be in [0, 1), a share."
        )
    for name in _ABOVE:
      if not getattr(self, name) > 0:
        raise ValueError(f"--{name}={getattr(self, name)}: must be above 0.")
    if self.steps and self.steps < LEAST_STEPS:
      raise ValueError(
        f"--steps={self.steps}: must be 0, or {LEAST_STEPS} and more: at the "
        "first step the learning rate is 0."
      )
