"""All figures of the CQ-SID study as tidy rows."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from experiments.studies import paired
from experiments.studies.beams import KINDS, LEVELS
from gr_jax.tokenizers.semantic_ids import SemanticIds

# Of one seed: `{kind: {column: [R, W]}}`, see `beams.measure`.
Hits = Mapping[str, Mapping[str, np.ndarray]]


def id_figures(ids: SemanticIds) -> dict[str, float]:
  """How crowded a table of IDs is."""
  counts = np.diff(ids.item_offsets)
  return {
    "ids": float(ids.num_ids),
    "items_per_id": len(ids) / ids.num_ids,
    # What an item finds at home: itself and those that share its ID.
    "items_at_an_items_id": float(np.square(counts).sum() / len(ids)),
    "largest": float(counts.max()),
  }


def id_rows(tables: Mapping[str, Sequence[Mapping]]) -> list[dict]:
  """One row per arm: means over the seeds of `id_figures`."""
  return [
    {"arm": arm}
    | {name: float(np.mean([one[name] for one in seeds])) for name in seeds[0]}
    for arm, seeds in tables.items()
  ]


def _stack(seeds: Sequence[Hits], kind: str, column: str) -> np.ndarray:
  """`[S, R, W]`."""
  return np.stack([one[kind][column] for one in seeds])


def hit_rows(
  hits: Mapping[str, Sequence[Hits]],
  users: np.ndarray,
  *,
  beams: Sequence[int],
) -> Iterator[dict]:
  """One row per kind, level, arm and beam; the first arm is the baseline.

  The intervals are those of the difference to the baseline. At the level of IDs
  a row says beside it how many items the IDs of the beam name, and what the
  most popular IDs would hit.
  """
  baseline = next(iter(hits.values()))
  for kind in KINDS:
    for level in LEVELS:
      for arm, seeds in hits.items():
        found = paired.compare(
          _stack(seeds, kind, level), _stack(baseline, kind, level), users
        )
        extra = {}
        if level == "id":
          extra = {
            name: _stack(seeds, kind, name).mean(axis=(0, 1))
            for name in ("named", "popular")
          }
        for w, beam in enumerate(beams):
          yield {
            "requests": kind,
            "level": level,
            "arm": arm,
            "beam": int(beam),
            **{name: float(x[w]) for name, x in found._asdict().items()},
            **{name: float(x[w]) for name, x in extra.items()},
            "n": len(users),
            "seeds": len(seeds),
          }


def width_rows(
  hits: Mapping[str, Sequence[Hits]],
  users: np.ndarray,
  *,
  beams: Sequence[int],
) -> Iterator[dict]:
  """Per kind, level and arm: the beam that equals the baseline's widest.

  None stands for a beam wider than any that was searched.
  """
  baseline = next(iter(hits.values()))
  for kind in KINDS:
    for level in LEVELS:
      for arm, seeds in hits.items():
        width = paired.equal_width(
          _stack(seeds, kind, level),
          _stack(baseline, kind, level),
          users,
          beams=tuple(beams),
        )
        ends = {
          name: x if np.isfinite(x) else None
          for name, x in width._asdict().items()
        }
        yield {"requests": kind, "level": level, "arm": arm, **ends}
