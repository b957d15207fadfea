"""The section on searches: how wide, how fast, by how large a model."""

from collections.abc import Mapping, Sequence

from gr_jax.evaluation.report import result_plots
from gr_jax.evaluation.report.numbers import plain_bytes, plain_number
from gr_jax.evaluation.report.page import Section
from gr_jax.evaluation.report.svg import plain


def search(report: Mapping) -> Section:
  """Recall by beam, time and size.

  Args:
    report: may have `beams`, `latency`, `size` and `hallucination`.
  """
  beams = report.get("beams", ())
  widths = {row["beam"] for row in beams}
  wide = len(widths) > 1
  return Section(
    "Search",
    figures=[result_plots.recall_by_beam(beams)] if wide else [],
    notes=[
      *([_one_beam(beams)] if widths and not wide else []),
      *_size(report.get("size")),
      *_latency(report),
      *_invented(report),
    ],
  )


def _one_beam(rows: Sequence[Mapping]) -> str:
  figures = ", ".join(
    f"{plain(row['requests'])} {row['value']:.3f}" for row in rows
  )
  return (
    f"Recall@10 with a beam of {rows[0]['beam']:,}, on the first "
    f"{max(row['n'] for row in rows):,} requests of a kind: {figures}. No "
    "other width was tried."
  )


def _size(size: Mapping | None) -> list[str]:
  if not size:
    return []
  stored = f", {plain_bytes(size['bytes'])} on disk" if size["bytes"] else ""
  return [f"The model has {size['parameters']:,} parameters{stored}."]


def _latency(report: Mapping) -> list[str]:
  """Medians of the search alone, on the machine of the run."""
  rows = report.get("latency")
  if not rows:
    return []
  beam = report["config"].get("evaluation", {}).get("beam")
  said = "; ".join(
    f"{_many(row['requests'])} in {plain_number(row['milliseconds'], 3)} ms"
    for row in rows
  )
  return [
    f"Median time of a search with a beam of {_beam(beam)}: {said} "
    f"({rows[0]['times']} searches each; prompts are written before, and what "
    "a server adds comes on top)."
  ]


def _many(count: int) -> str:
  return "one request" if count == 1 else f"a batch of {count}"


def _beam(beam) -> str:
  return (
    ", ".join(map(str, beam)) if isinstance(beam, list | tuple) else str(beam)
  )


def _invented(report: Mapping) -> list[str]:
  """The share of IDs that name nothing, of a model that could invent any.

  One that reads counts knows which IDs there are, and says nothing by it.
  """
  rows = report.get("hallucination", ())
  section = report["config"].get("generator", {})
  if not rows or section.get("count_alpha"):
    return []
  shares = ", ".join(
    f"{plain(row['requests'])} {row['value']:.2%}" for row in rows
  )
  return [
    f"Share of IDs that an unconstrained beam would invent: {shares}. The "
    "constrained search invents none."
  ]
