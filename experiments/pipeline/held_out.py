"""The loss on what a generator does not learn, measured while it trains.

Where the data has validation requests, a fixed sample of them, in the form of
training rows: as many targets to a prompt, and as many of them hidden. Where
validation is learned as well, the last training requests of a share of the
users, which then are not learned; counts leave out what those users did from
there on, as they do for training rows. Where neither is possible nothing is
held out, and a line says so.
"""

import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np
from flax import linen as nn
from jax.sharding import Mesh
from ml_collections import ConfigDict

from gr_jax.data.requests import CLICKED, TRAIN, VALID, Requests
from gr_jax.data.row_lists import span_places
from gr_jax.generators.training_examples.single import (
  TargetGroups,
  group_targets,
)
from gr_jax.parallel import hosts
from gr_jax.parallel.mesh import put_batch
from gr_jax.training.averaging import used_params
from gr_jax.training.state import TrainState

# Users without a second group would lose everything that they teach.
_LEAST_GROUPS = 2


class HeldOutBatch(NamedTuple):
  """A batch, the same on every host, and the number of its targets."""

  batch: Any
  targets: float


def has_split(requests: Requests, split: int) -> bool:
  """Whether any request of the split led to a click or an order."""
  led = requests.page_request[requests.page_kind >= CLICKED]
  return bool((requests.split[led] == split).any())


class HeldOutConfig(NamedTuple):
  """What a generator is measured on while it trains.

  Attributes:
    targets: the number of targets, about, at most; 0 = nothing is held out.
    last_share: the share of the users whose last training request is held out
      where the data has no validation requests; 0 = none.
  """

  targets: int = 2000
  last_share: float = 0.05


def held_out_config(section: ConfigDict) -> HeldOutConfig:
  """What a section holds out: nothing where it does not say."""
  return HeldOutConfig(**section.get("held_out", {"targets": 0}))


class HeldOutGroups(NamedTuple):
  """Training groups, those held out, and whether the counts know these.

  Attributes:
    learned: the groups to learn.
    held_out: the others; None where nothing is held out.
    counted: True where they are training requests, which counts hold.
  """

  learned: TargetGroups
  held_out: TargetGroups | None = None
  counted: bool = False


def held_out_groups(
  requests: Requests,
  *,
  config: HeldOutConfig,
  seed: int,
  learned: np.ndarray | None = None,
) -> HeldOutGroups:
  """The groups of the training split, and those that are held out.

  Args:
    requests: the log.
    config: what is held out.
    seed: the seed of the sample of users.
    learned: `[R]` bool, the training requests that may be learned; None = all.
  """
  groups = group_targets(requests, split=TRAIN)
  if learned is not None:
    some = learned[groups.request[groups.offsets[:-1]]]
    groups = take_groups(groups, np.flatnonzero(some))
  if not config.targets:
    return HeldOutGroups(groups)
  if has_split(requests, VALID):
    return HeldOutGroups(groups, group_targets(requests, split=VALID))
  others, last = split_last(
    requests, groups, share=config.last_share, seed=seed
  )
  return HeldOutGroups(others, last if len(last) else None, counted=True)


def split_last(
  requests: Requests, groups: TargetGroups, *, share: float, seed: int
) -> tuple[TargetGroups, TargetGroups]:
  """The training groups without the last ones of some users, and those.

  Args:
    requests: the users of the groups.
    groups: of the training split; those of a user are oldest first.
    share: the share of the users with two groups or more.
    seed: the seed of the sample.
  """
  user = requests.user[groups.request[groups.offsets[:-1]]]
  last = np.append(np.diff(user) != 0, True)
  several = np.bincount(user)[user] >= _LEAST_GROUPS
  candidates = np.flatnonzero(last & several)
  rng = np.random.default_rng(seed)
  count = int(share * len(candidates))
  chosen = np.sort(rng.permutation(candidates)[:count])
  kept = np.setdiff1d(np.arange(len(groups)), chosen)
  return take_groups(groups, kept), take_groups(groups, chosen)


def take_groups(groups: TargetGroups, rows: np.ndarray) -> TargetGroups:
  """The groups `rows`, in their order."""
  pairs = span_places(groups.offsets[rows], groups.offsets[rows + 1])
  columns = [groups.request, groups.item, groups.value, groups.weight]
  return TargetGroups(
    pairs.offsets, *(x if x is None else x[pairs.rows] for x in columns)
  )


def fixed_batches(
  draw: Callable[[np.ndarray, np.random.Generator], Any],
  count: int,
  *,
  rows: int,
  batch_size: int,
  weights: Callable[[Any], np.ndarray],
  seed: int,
) -> list[HeldOutBatch]:
  """Batches of a fixed sample, the same in every run.

  Args:
    draw: makes a batch of rows `[B]` in `range(count)`.
    count: the number of rows that there are.
    rows: the number of rows to take, at most.
    batch_size: `B`, over all hosts; rows that do not fill a batch are left out
      unless they are the only ones.
    weights: the weights of the targets of a batch.
    seed: the seed of the sample and of what is drawn for its rows.
  """
  rng = np.random.default_rng(seed)
  sample = rng.permutation(count)[:rows]
  # Too few for a batch come up again.
  sample = np.resize(sample, max(batch_size, len(sample)))
  whole = len(sample) // batch_size * batch_size
  batches = []
  for some in np.split(sample[:whole], whole // batch_size):
    batch = draw(some, rng)
    batches.append(HeldOutBatch(batch, float(weights(batch).sum())))
  return batches


def make_held_out(
  loss: Callable[..., tuple[jax.Array, Mapping[str, jax.Array]]],
  model: nn.Module,
  counts: Mapping[str, Any],
  batches: Sequence[HeldOutBatch],
  *,
  mesh: Mesh,
) -> Callable[[TrainState], dict[str, float]]:
  """A function from a state to `{"valid/loss": ...}` and its parts.

  The means of the batches, weighed by their targets; nothing is dropped out.
  The parameters are those that the run would use (`averaging.used_params`).
  """

  @jax.jit
  def metrics(params, batch, counts):
    return loss(model, params, batch, counts)[1]

  weights = np.array([one.targets for one in batches])

  def measure(state: TrainState) -> dict[str, float]:
    params = used_params(state)
    found = jax.device_get(
      [metrics(params, put_batch(one.batch, mesh), counts) for one in batches]
    )
    return {
      name.replace("train/", "valid/"): float(
        np.average([one[name] for one in found], weights=weights)
      )
      for name in found[0]
    }

  return measure


def say_nothing_is_held_out() -> None:
  """One line where a training has no loss to stop by."""
  if hosts.is_first():
    print(
      "generator: nothing is held out (no validation requests): training does "
      "all its steps and uses the last.",
      file=sys.stderr,
    )
