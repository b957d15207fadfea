"""What to do next, above all where a baseline is above the model."""

from collections.abc import Iterator, Mapping, Sequence

from gr_jax.evaluation import results as tidy
from gr_jax.evaluation.report import verdicts
from gr_jax.evaluation.report.svg import plain

# What gives the generator what a baseline counts: the key of the generator's
# section that is empty without it, and words for it.
_PRIORS = {
  "item_knn": ("transitions", "generator.transitions"),
  "ease": ("transitions", "generator.transitions"),
  "sasrec": ("transitions", "generator.transitions"),
  "popularity": ("count_alpha", "generator.count_alpha"),
  "repeat": ("count_alpha", "generator.count_alpha"),
  "query_counts": ("count_alpha", "generator.count_alpha"),
  "query_history_counts": ("count_alpha", "generator.count_alpha"),
}


def warning(rows: Sequence[dict], report: Mapping) -> str:
  """One sentence for every place where a baseline is above; else "".

  Args:
    rows: recall@10 of all systems on validation (`results.rows`).
    report: has `config`, and may have `outcome` of the generator's training,
      `network_share`, how much of it is used, and `sampled`.
  """
  losses = list(_losses(rows, report))
  if not losses:
    return ""
  where = "; ".join(places(rows, report))
  return (
    f"On validation a baseline is above the model: {where}. "
    f"What to do: {'; '.join(_what_to_do(losses, report))}."
  )


def places(rows: Sequence[dict], report: Mapping) -> list[str]:
  """Where a baseline is above the model on validation, in words.

  The arguments are those of `warning`.
  """
  return [_sentence(model, best) for model, best in _losses(rows, report)]


def next_steps(report: Mapping) -> list[str]:
  """What to do with a run, the most urgent first, a sentence each.

  Args:
    report: as of `warning`; may have `second_look` and `examples`.
  """
  losses = list(_losses(report.get("second_look", ()), report))
  steps = _what_to_do(losses, report) if losses else []
  outcome = report.get("outcome") or {}
  if outcome.get("loss") is not None and outcome["step"] == outcome["steps"]:
    steps.append(
      "train longer: the held-out loss was lowest at the last step "
      f"(config.generator.loop.steps above {outcome['steps']:,})"
    )
  if any(row["n"] < row["of"] for row in report.get("sampled", ())):
    steps.append(
      "rank every request for narrower intervals (config.evaluation.requests=0)"
    )
  if report.get("examples"):
    steps += [
      "read the examples below and see what the worst ones wanted",
      "serve it: python -m gr_jax.serving --artefacts=FOLDER, the folder of "
      "this file",
    ]
  return [f"{step[0].upper()}{step[1:]}." for step in steps]


def _losses(
  rows: Sequence[dict], report: Mapping
) -> Iterator[tuple[dict, dict]]:
  """The model's row and that of the best baseline, where this is above.

  Where nobody takes an item twice, only without seen items.
  """
  chosen = verdicts.treatments(report.get("sampled", ()))
  for kind in tidy.kinds(rows):
    for seen in ("out",) if chosen.get(kind) == "out" else ("kept", "out"):
      here = tidy.select(rows, requests=kind, seen=seen)
      models = tidy.select(here, role=tidy.MODEL)
      baselines = tidy.select(here, role=tidy.BASELINE)
      if models and baselines:
        best = max(baselines, key=lambda row: row["value"])
        if best["value"] > models[0]["value"]:
          yield models[0], best


def _sentence(model: Mapping, best: Mapping) -> str:
  seen = ", seen items out" if best["seen"] == "out" else ""
  apart = (
    "" if verdicts.verdict(best) == verdicts.BEHIND
    else ", which these requests do not tell apart"
  )  # fmt: skip
  return (
    f"{plain(best['requests'])}{seen}, {best['system']} has recall@10 "
    f"{best['value']:.3f} where {model['system']} has {model['value']:.3f} "
    f"({verdicts.difference(best)}){apart}"
  )


def _what_to_do(
  losses: Sequence[tuple[dict, dict]], report: Mapping
) -> list[str]:
  section = report.get("config", {}).get("generator", {})
  outcome = report.get("outcome") or {}
  advice = []
  if outcome and outcome["loss"] is None:
    advice.append(
      "hold out validation requests, so that training can stop in time"
    )
  elif (
    outcome
    and outcome["step"] < outcome["ended"]
    and not outcome["patience"]
    and _network_is_used(losses, report)
  ):
    advice.append(
      "train fewer steps (config.generator.loop.patience above 0 stops where "
      "the held-out loss does not fall)"
    )
  keys = {}
  reads_candidates = bool(section.get("candidates", {}).get("size"))
  for _, best in losses:
    key, words = _PRIORS.get(best["system"], ("", ""))
    # Candidates know what transitions do.
    known = key == "transitions" and reads_candidates
    if key and not known and not _is_on(section.get(key)):
      keys[words] = best["system"]
  advice += [
    f"give the generator what {name} counts (config.{words})"
    for words, name in keys.items()
  ]
  if _may_read_candidates(section):
    advice.append(
      "let it read candidates, which know what baselines know "
      "(config.generator.candidates.size=160 and "
      "config.generator.transitions.neighbours=0)"
    )
  baselines = dict.fromkeys(best["system"] for _, best in losses)
  return [*advice, f"bring more data, or serve {_and(list(baselines))} instead"]


def _and(names: Sequence[str]) -> str:
  """ "a", "a and b", "a, b and c"."""
  *most, last = names
  return f"{', '.join(most)} and {last}" if most else last


def _network_is_used(
  losses: Sequence[tuple[dict, dict]], report: Mapping
) -> bool:
  """Whether a longer or shorter training shows in what is lost."""
  unused = {
    row["requests"]
    for row in report.get("network_share") or ()
    if row["chosen"] and not row["share"]
  }
  return any(model["requests"] not in unused for model, _ in losses)


def _is_on(value) -> bool:
  """Whether a prior's key leaves it in: a number, or a section."""
  if isinstance(value, Mapping):
    return bool(value.get("neighbours"))
  return bool(value)


def _may_read_candidates(section: Mapping) -> bool:
  """Whether a generator reads no candidates and could."""
  size = section.get("candidates", {}).get("size")
  learns_items = section.get("task", "point_wise") == "point_wise"
  return size == 0 and learns_items and bool(section.get("count_alpha"))
