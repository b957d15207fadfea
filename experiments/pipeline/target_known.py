"""How often transitions know the target, in training and in validation."""

import itertools
from collections.abc import Iterable
from typing import Any

import jax
import numpy as np

from experiments.pipeline.held_out import has_split
from experiments.pipeline.untrained import Untrained
from gr_jax.data.requests import TRAIN, VALID
from gr_jax.generators.priors.target_known import target_known
from gr_jax.generators.prompts.writer import Prompt
from gr_jax.generators.training_examples.single import (
  Examples,
  ExamplesConfig,
  draw_examples,
  group_targets,
)


def target_known_shares(
  parts: Untrained,
  counts: dict[str, Any],
  batches: Iterable[Examples],
  *,
  targets: int = 20_000,
) -> dict[str, float]:
  """Returns the shares of targets that the transitions know, by split.

  Args:
    parts: the generator's parts.
    counts: `{"counts": ...}` with transitions.
    batches: those of the training.
    targets: the number of targets of each split, about, at most.

  Returns:
    `train`, of rows as training draws them, their own events left out; and
    `valid`, of the validation requests, where any led to an item.
  """
  section = parts.section.examples
  size = section.batch_size
  requests = parts.data.requests
  # No more than there are: further batches draw the same rows again.
  most = min(targets, len(group_targets(requests, split=TRAIN).item))
  drawn = itertools.islice(batches, -(-most // (size * section.targets)))
  shares = {"train": _share(parts, counts, drawn)}
  if not has_split(requests, VALID):
    return shares
  groups = group_targets(requests, split=VALID)
  rng = np.random.default_rng(parts.section.seed)
  rows = rng.permutation(len(groups))[: -(-targets // section.targets)]
  validation = (
    draw_examples(
      groups,
      parts.writer,
      parts.semantic_ids.codes,
      requests.query,
      some,
      rng,
      config=ExamplesConfig(**{**section, "hidden_share": 0.0}),
    )
    for some in np.split(rows, range(size, len(rows), size))
  )
  return shares | {"valid": _share(parts, counts, validation)}


def _share(parts, counts, batches: Iterable[Examples]) -> float:
  known, total = 0, 0
  for batch in batches:
    history = history_codes(parts, batch.prompt)
    table = counts["counts"]["transitions"]
    if batch.left_out is not None:
      table = table.without(batch.left_out)
    found = _known(table, history, batch.codes)
    known += int((np.asarray(found) & batch.mask).sum())
    total += int(batch.mask.sum())
  return known / total


_known = jax.jit(target_known)


def history_codes(parts: Untrained, prompt: Prompt) -> np.ndarray:
  """Returns the codes `[B, H, L]` of a prompt's history, -1 = no item."""
  levels = parts.semantic_ids.codes.shape[1]
  tokens = prompt.history[..., :levels]
  offsets = np.asarray(parts.vocabulary.code_offsets)
  return np.where(tokens >= 0, tokens - offsets, -1)
