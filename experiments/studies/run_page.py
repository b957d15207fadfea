"""The page of a single run: its figures, and the model beside each baseline."""

from collections.abc import Iterator, Mapping, Sequence

from experiments.studies.record import Record, View
from experiments.studies.run_record import HEADLINE
from gr_jax.evaluation.report import svg
from gr_jax.evaluation.report.text_table import markdown
from gr_jax.evaluation.report.verdicts import LEVEL, of_interval

_HOW_TO_READ = (
  "Paired by request, with one seed; bold where the interval leaves out 0, "
  "each comparison by itself:"
)
_SEEN = {"kept": "kept", "out": "taken out"}


def figures(record: Record) -> str:
  """Recall@10 of every system as Markdown; the best of a column is bold.

  The order is that of personalised requests, or of the last kind that there is.
  """
  view = _view(record)
  kinds = _kinds(view)
  first = "personalised" if "personalised" in kinds else kinds[-1]
  best = {kind: _ranked(view, kind)[0] for kind in kinds}
  lines = [[HEADLINE, *map(svg.plain, kinds)]]
  for system in dict.fromkeys([*_ranked(view, first), *view.measured]):
    cells = [_cell(view, kind, system, best[kind]) for kind in kinds]
    is_model = system == view.facts["model"]
    lines.append([f"**{system}**" if is_model else system, *cells])
  return markdown(lines)


def differences(record: Record) -> str:
  """The model minus every system, by the same requests; "" where none is kept.

  Bold where the interval leaves out 0.
  """
  view = _view(record)
  kinds, model = _kinds(view), view.facts["model"]
  lines = []
  for system in view.measured:
    cells = [_difference(view, kind, system) for kind in kinds]
    if system != model and any(cell != "-" for cell in cells):
      lines.append([system, *cells])
  if not lines:
    return ""
  return markdown([[f"{model} minus", *map(svg.plain, kinds)], *lines])


def verdicts(record: Record) -> str:
  """A line per kind of requests: the model beside its best baseline.

  *Ahead* and *behind* are those whose paired interval leaves out 0.
  """
  return "\n".join(_verdicts(_view(record)))


def _verdicts(view: View) -> Iterator[str]:
  model = view.facts["model"]
  for kind in _kinds(view):
    others = [name for name in _ranked(view, kind) if name != model]
    if not others:
      continue
    row = view.find(_metric(view, kind), model, others[0])
    words = "no paired difference is stored"
    if row is not None:
      words = f"{of_interval(row['low'], row['high'])}, {_signed(row)}"
    beside = f"beside the best baseline, `{others[0]}`"
    yield f"- {svg.plain(kind)}: {beside}: {words}"


def page(record: Record) -> str:
  """The tables and where they came from."""
  view = _view(record)
  origin, facts = record.origin, view.facts
  kinds = [
    f"{svg.plain(kind)} `{_ranked(view, kind)[0]}`" for kind in _kinds(view)
  ]
  count = max(facts["requests"].values())
  versions = ", ".join(f"{k} {v}" for k, v in origin["versions"].items())
  seeds = ", ".join(
    f"{stage} {seed}" for stage, seed in origin["seeds"].items()
  )
  apart = differences(record)
  blocks = [
    f"Best by {HEADLINE}: {', '.join(kinds)}.",
    figures(record),
    f"Item level, seen items {_SEEN[facts['seen']]}, up to {count:,} requests "
    "of the test period of each kind, 95 % bootstrap intervals over users.",
    *([_HOW_TO_READ, apart] if apart else []),
    f"- command: `{origin['command']}`\n"
    f"- commit: {origin['commit']}\n"
    f"- seeds: {seeds}\n"
    f"- machine: {origin['machine']}; {origin['minutes']:.1f} minutes in all\n"
    f"- versions: {versions}\n",
  ]  # fmt: skip
  return "\n\n".join(blocks)


def _view(record: Record) -> View:
  (view,) = record.views()
  return view


def _metric(view: View, kind: str) -> str:
  unseen = "unseen/" if view.facts["seen"] == "out" else ""
  return f"{kind}/{unseen}{HEADLINE}"


def _kinds(view: View) -> list[str]:
  """The kinds of requests that the page shows."""
  return [kind for kind in view.facts["requests"] if _ranked(view, kind)]


def _ranked(view: View, kind: str) -> Sequence[str]:
  """The systems that answer these requests, the best first."""
  found = {
    name: row["value"]
    for name in view.measured
    if (row := view.find(_metric(view, kind), name))
  }
  return sorted(found, key=lambda name: -found[name])


def _cell(view: View, kind: str, system: str, best: str) -> str:
  row = view.find(_metric(view, kind), system)
  if row is None:
    return "-"
  value = f"{row['value']:.3f}"
  ends = f" [{row['value_low']:.3f}, {row['value_high']:.3f}]"
  return (f"**{value}**" if system == best else value) + ends


def _difference(view: View, kind: str, system: str) -> str:
  row = view.find(_metric(view, kind), view.facts["model"], system)
  if row is None or system == view.facts["model"]:
    return "-"
  value, _, ends = _signed(row).partition(" ")
  bold = of_interval(row["low"], row["high"]) != LEVEL
  return (f"**{value}**" if bold else value) + f" {ends}"


def _signed(row: Mapping) -> str:
  return f"{row['difference']:+.3f} [{row['low']:+.3f}, {row['high']:+.3f}]"
