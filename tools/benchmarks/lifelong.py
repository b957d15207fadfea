"""Histories of 1,000 and of 100,000 events, answered with what is kept of them.

An answer is what depends on the length: the user's sum is found on disk, or
the event that came since is added to it, and virtual seeds read it. The search
that follows is the same for all and is not timed. Beside them stands the same
answer where nothing is kept. `error` is the largest difference of a sum to that
of one pass over the history, relative to its largest number.
"""

import atexit
import functools
import pathlib
import shutil
import tempfile

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from gr_jax.nn.virtual_seeds import EventSums, SeedConfig, VirtualSeeds
from gr_jax.retrieval.lifelong.lifecycle_cache import (
  ArrayHistory,
  LifecycleCache,
)
from gr_jax.retrieval.lifelong.state_store import StateStore
from tools.benchmarks.contender import Bar, Contender, Limit, Run, Section

SIZES = SeedConfig(seeds=128, layers=4)
_ITEMS = 20_000


class _Sums(nn.Module):
  config: SeedConfig

  @nn.compact
  def __call__(self, events, mask):
    x = nn.Embed(_ITEMS, self.config.width)(events["items"])
    return EventSums(self.config)(x, mask)


def section(
  *,
  lengths: tuple[int, int] = (1_000, 100_000),
  users: int = 8,
  units: int = 20,
  config: SeedConfig = SIZES,
) -> Section:
  """Bars: a long history within 1.3 times of a short one."""
  names = {
    "found": "nothing new",
    "added": "one event since",
    "anew": "nothing kept",
  }
  contenders, bars, limits = [], [], []
  for kind, name in names.items():
    labels = [f"{length:,} events, {name}" for length in lengths]
    # The longer first: bars are of what it costs more.
    for length, label in sorted(zip(lengths, labels), reverse=True):
      contenders.append(
        Contender(
          label,
          "tools.benchmarks.lifelong:make",
          {"kind": kind, "length": length, "users": users, "config": config},
          units=1 if kind == "anew" else units,
          items=users,
        )
      )
      limits.append(Limit(label, "error", 1e-5))
    if kind != "anew":
      bars.append(Bar(labels[1], labels[0], 1 / 1.3))
  title = f"{users} users, {config.layers} layers, {config.seeds} seeds"
  return Section(
    "lifelong",
    title,
    "request",
    "users",
    tuple(contenders),
    tuple(bars),
    tuple(limits),
  )


def make(
  *, units: int, kind: str, length: int, users: int, config: SeedConfig
) -> Run:
  sums, seeds = _Sums(config), VirtualSeeds(config)
  keys = jax.random.split(jax.random.key(0))
  shapes = {"items": jnp.zeros((1, 4), int)}, jnp.ones((1, 4), bool)
  of_sums = jax.jit(sums.init)(keys[0], *shapes)
  states = jnp.zeros((users, *config.state_shape))
  of_seeds = jax.jit(seeds.init)(keys[1], states)
  compress = jax.jit(functools.partial(sums.apply, nn.unbox(of_sums)))
  read = jax.jit(functools.partial(seeds.apply, nn.unbox(of_seeds)))
  drawn = np.random.default_rng(0)
  events = [
    drawn.integers(0, _ITEMS, length + 100_000, dtype=np.int32)
    for _ in range(users)
  ]
  folder = pathlib.Path(tempfile.mkdtemp())
  atexit.register(shutil.rmtree, folder, ignore_errors=True)

  def cache(name: str) -> LifecycleCache:
    store = StateStore(folder / name, version="1", shape=config.state_shape)
    return LifecycleCache(store, compress, newest=0)

  def histories(length: int) -> list[ArrayHistory]:
    return [
      ArrayHistory(str(user), {"items": each[:length]})
      for user, each in enumerate(events)
    ]

  kept, now = cache("kept"), length
  # Events one by one, to be compared with one pass.
  for now in range(length, length + 50):
    found = kept.states(histories(now))
    read(found)
  error = _error(found[0], _one_pass(compress, events[0][:now], config))

  def run() -> dict[str, float]:
    nonlocal now, kept
    for unit in range(units):
      if kind == "anew":
        kept = cache(f"anew {now} {unit}")
      now += kind != "found"
      jax.block_until_ready(read(kept.states(histories(now))))
    return {"error": error}

  return run


def _one_pass(compress, items: np.ndarray, config: SeedConfig) -> np.ndarray:
  total = np.zeros(config.state_shape)
  for start in range(0, len(items), 8192):
    part = items[start : start + 8192]
    mask = np.arange(8192) < len(part)
    padded = np.pad(part, (0, 8192 - len(part)))
    added = compress({"items": padded[None]}, mask[None])
    total += np.asarray(added, np.float64)[0]
  return total


def _error(found: np.ndarray, expected: np.ndarray) -> float:
  return float(np.abs(found - expected).max() / np.abs(expected).max())
