"""Whether a version is fit to be served.

Three things keep it from that, each with evidence: an interval over users, and
enough of them, since a handful of requests shows nothing.

forgetting   fewer hits than its parent had, on old requests or on the newest
             that it did not learn, by more than the interval of the difference;
             of a generator that predicts values also less value among the
             answers, which an alignment may have been for
bad batch    What was chosen hardly follows from its requests. Under the parent,
             the answer of another request of the slice costs `gap` nats more
             than the right one; permuted labels have a gap of 0, whatever the
             items. A batch is bad if its gap is surely below a share of the gap
             of old requests: the one's upper end below that share of the
             other's lower [OURS]. Requests that the parent learned have too
             large a gap: where there are no others, the batch must show none
             of its own as well, with a lower end of 0 or less
drift        the inputs are not those of the log (`drift.stability_index`)

The gap and the hits of the parent on everything that arrived are measured
before any of it is learned: progressive validation (Blum et al. 1999).
"""

import dataclasses
import io
import pathlib
from typing import Any

import numpy as np

from experiments.updates.drift import inputs_of, stability_index
from experiments.updates.measure import K, Measure, make_slice, slices_of
from experiments.updates.parts import Parts
from experiments.updates.settings import UpdateConfig
from gr_jax import atomic
from gr_jax.evaluation.intervals import bootstrap

_BEFORE = "before.npz"
_ROUNDING = 1e-9
# Fewer that differ, all one way, are chance to a sign test at 95 %: 2^-6.
_LEAST_USERS = 6
# Of fewer a resampled interval says little.
_LEAST_REQUESTS = 20
HITS = f"hit_rate@{K}"
VALUE = f"value@{K}"
RISING = (HITS, VALUE)
"""Metrics of which more is better."""


@dataclasses.dataclass(frozen=True)
class Verdict:
  """What was measured, and what follows.

  Attributes:
    rows: `{"slice", "what", "metric", "value", "low", "high", "n"}`, where
      `what` is "before", "after" or "difference"; the last has, but for
      losses, the number of users that have `changed`.
    drift: the stability index of each input; none of a few requests.
    reasons: why the version is not served, a sentence each; none if it is.
  """

  rows: list[dict[str, Any]]
  drift: dict[str, float]
  reasons: list[str]

  def row(self, part: str, what: str, metric: str = HITS) -> dict[str, Any]:
    """The figure of a slice."""
    wanted = {"slice": part, "what": what, "metric": metric}
    return next(row for row in self.rows if wanted.items() <= row.items())


class Judge:
  """Measures a parent, then what it became.

  Args:
    parts: the generator and the log.
    config: sizes and limits.
  """

  def __init__(self, parts: Parts, config: UpdateConfig):
    self._parts, self._config = parts, config
    self._slices = slices_of(parts, count=config.requests, seed=config.seed)
    self._measure = Measure(parts)

  def before(self, folder: pathlib.Path) -> dict[str, np.ndarray]:
    """The parent on all slices, `[R]` hits and `[R, 2]` losses by slice.

    Measured once: an update that goes on reads what it measured.
    """
    path = folder / _BEFORE
    if not path.is_file():
      found = self._all(self._parts.parent.params, whole=False)
      content = io.BytesIO()
      np.savez(content, **found)
      atomic.write_bytes(path, content.getvalue())
    with path.open("rb") as file, np.load(file) as arrays:
      return dict(arrays)

  def _all(self, params: Any, *, whole: bool) -> dict[str, np.ndarray]:
    variables = self._measure.variables(params, whole=whole)
    found = {}
    for name, part in self._slices.items():
      if whole and name == "arrived":
        continue  # Most of it is learned by now.
      answers = self._measure.answers(variables, part)
      found[f"hits/{name}"] = answers[:, 0]
      if "values" in self._parts.parent.params:
        found[f"values/{name}"] = answers[:, 1]
      found[f"losses/{name}"] = self._measure.losses(
        variables, part, seed=self._config.seed
      )
    return found

  def verdict(self, before: dict[str, np.ndarray], params: Any) -> Verdict:
    """Compares the parameters after learning with what was before."""
    after = self._all(params, whole=True)
    rows = []
    for key, values in before.items():
      kind, _, name = key.partition("/")
      users = self._slices[name].users
      if not len(users):
        continue
      pairs = {"before": values} | (
        {"after": after[key]} if key in after else {}
      )
      for what, found in pairs.items():
        rows += self._rows(kind, found, users, {"slice": name, "what": what})
      if key in after:
        change = after[key] - values
        names: dict[str, Any] = {"slice": name, "what": "difference"}
        if kind != "losses":
          names["changed"] = len(np.unique(users[change != 0]))
        rows += self._rows(kind, change, users, names)
    drift = self._drift()
    return Verdict(rows, drift, self._reasons(rows, drift))

  def _rows(self, kind, values, users, names) -> list[dict[str, Any]]:
    seed = self._config.seed
    if kind != "losses":
      found = {{"hits": HITS, "values": VALUE}[kind]: values}
    else:
      found = {"loss": values[:, 0], "gap": values[:, 1] - values[:, 0]}
    return [
      names
      | {"metric": metric}
      | bootstrap(figures, groups=users, seed=seed).row()
      for metric, figures in found.items()
    ]

  def _drift(self) -> dict[str, float]:
    # All that is known, not the last weeks of it: a season is no drift.
    log, config = self._parts.log, self._config
    known = make_slice(
      self._parts,
      log.request_update < log.updates,
      count=config.requests,
      seed=config.seed,
    )
    old, new = (
      inputs_of(self._parts, each) for each in (known, self._slices["arrived"])
    )
    if min(len(each["request"]) for each in (old, new)) < _LEAST_REQUESTS:
      return {}
    return {name: stability_index(old[name], new[name]) for name in old}

  def _reasons(self, rows, drift: dict[str, float]) -> list[str]:
    return [
      *forgetting(rows),
      *bad_batch(rows, least_gap=self._config.least_gap),
      *moved(drift, most=self._config.most_drift),
    ]


def forgetting(rows: list[dict[str, Any]]) -> list[str]:
  """Slices on which the version is worse by more than its interval."""
  names = {
    "old": "old requests",
    "learned": "requests that the run learned",
    "newest": "the newest requests",
  }
  return [
    f"{row['metric']} on {names[row['slice']]} falls by {shown(row, sign=-1)}"
    for row in rows
    if row["what"] == "difference"
    and row["metric"] in RISING
    and row["slice"] in names
    and row["high"] < -_ROUNDING
    and row["changed"] >= _LEAST_USERS
  ]


def bad_batch(rows: list[dict[str, Any]], *, least_gap: float) -> list[str]:
  """Whether the gap of what arrived is surely too small beside the old one."""
  gaps = {
    row["slice"]: row
    for row in rows
    if row["metric"] == "gap" and row["what"] == "before"
  }
  old, new = gaps.get("old", gaps.get("learned")), gaps.get("arrived")
  if old is None or new is None:
    return []
  if min(old["n"], new["n"]) < _LEAST_REQUESTS:
    return []
  if old["low"] <= 0 or new["high"] >= least_gap * old["low"]:
    return []
  if "old" not in gaps and new["low"] > 0:
    return []
  return [
    "what was chosen hardly follows from the requests: another request's "
    f"choice costs {shown(new)} nats more than the right one, on old requests "
    f"{shown(old)}"
  ]


def moved(drift: dict[str, float], *, most: float) -> list[str]:
  """The inputs whose stability index is above the limit, if any."""
  found = [f"{k} by {v:.2f}" for k, v in drift.items() if v > most]
  if not found:
    return []
  return [
    f"the inputs have moved, by the stability index: {', '.join(found)}, where "
    f"{most:g} is the most"
  ]


def shown(row: dict[str, Any], *, sign: int = 1) -> str:
  """`0.12 (0.05 to 0.19, n = 200)`, or of the negative."""
  low, high = sorted(sign * row[end] for end in ("low", "high"))
  value = sign * row["value"]
  return f"{value:.3f} ({low:.3f} to {high:.3f}, n = {row['n']})"
