"""The range of every number of a config, looked at before anything runs.

A number is finite and not negative, unless its key says otherwise here. What
depends on several values is checked by the part that reads them.
"""

import math
from collections.abc import Iterator, Mapping
from typing import Any

# How many there are of something: none is a mistake.
_COUNTS = (
  "ads", "batch_size", "beam", "beams", "branches", "buckets", "channels",
  "checkpoint_every", "clusters", "conversions", "each", "epochs", "expert",
  "facts_tokens", "feed_forward", "fsdp", "group_size", "head_levels",
  "head_size", "heads", "hidden", "history", "knn_last", "knn_windows",
  "kv_heads", "latent", "layers", "leaf", "length", "levels", "log_every",
  "lookback", "max_positions", "micro_batches", "model", "num_items",
  "num_requests", "num_users", "old_every", "pages", "pairs", "parts",
  "patch", "per_class", "places", "prompts", "query_tokens", "samples",
  "sequence", "steps", "test_weeks", "tokens", "unconstrained_beam", "unroll",
  "valid_weeks", "validations", "width", "wide_beam",
)  # fmt: skip
# Lower bounds by key, or by the end of a path where a key has several.
_AT_LEAST = dict.fromkeys(_COUNTS, 1) | {
  # -1: decided by the data.
  "history_window": -1,
  # Without steps these parts are left out.
  "sasrec.training.steps": 0,
  "contrast.steps": 0,
  # 0: as many as those of another key.
  "explore.steps": 0,
  # 0: as wide as what it reads.
  "contrast.width": 0,
}
# Numbers or tuples of them: the only keys whose type nothing else checks.
_MAY_BE_TUPLES = ("beam",)
# A number of any sign.
_ANY = ("mean", "shift", "user_exponent", "reward.*")
_POSITIVE = ("ease_ridges", "learning_rate", "rope_theta", "std", "temperature")
# From 0 to 1; and below 1.
_SHARES = ("*_share", "share", "quantile", "restart_below")
_BELOW_ONE = (
  "average", "b2", "cold_share", "decay", "drop_rate", "dropout", "old_decay",
)  # fmt: skip


def check_ranges(config: Mapping[str, Any]) -> None:
  """Refuses a number that no part of any recipe can use.

  Raises:
    ValueError: names the key, its value and the range.
  """
  for path, value in _numbers(config, ()):
    wrong = _wrong(path, value)
    if wrong:
      raise ValueError(f"config.{'.'.join(path)} is {value}; make it {wrong}.")


def _wrong(path: tuple[str, ...], value: float) -> str | None:
  """The range that a value is outside of; None of one that is inside."""
  if not math.isfinite(value):
    return "a finite number"
  if _is_in(_ANY, path):
    return None
  least = _least(path)
  if value < least:
    return f"{least} or more"
  if _is_in(_POSITIVE, path) and value <= 0:
    return "more than 0"
  if _is_in(_BELOW_ONE, path) and value >= 1:
    return "0 or more and less than 1"
  if _is_in(_SHARES, path) and value > 1:
    return "a share from 0 to 1"
  return None


def _least(path: tuple[str, ...]) -> int:
  for start in range(len(path)):
    found = _AT_LEAST.get(".".join(path[start:]))
    if found is not None:
      return found
  return 0


def _is_in(rules: tuple[str, ...], path: tuple[str, ...]) -> bool:
  key, section = path[-1], path[-2] if len(path) > 1 else ""
  names = (key, f"*_{key.rpartition('_')[2]}", f"{section}.*")
  return any(name in rules for name in names)


def _numbers(
  value: Any, path: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], float]]:
  """Every number below a section, also those of tuples, with its path."""
  if hasattr(value, "items"):
    # Placeholders that wait for the data are None.
    for key, below in value.items():
      yield from _numbers(below, (*path, str(key)))
  elif isinstance(value, (tuple, list)):
    for each in value:
      yield from _numbers(each, path)
  elif isinstance(value, (int, float)) and not isinstance(value, bool):
    yield path, value
  elif isinstance(value, str) and path[-1] in _MAY_BE_TUPLES:
    raise ValueError(
      f"config.{'.'.join(path)} is {value!r}; make it a number, or several: "
      "(128, 256)."
    )
