"""The page of a sequential retriever beside others."""

from collections.abc import Mapping, Sequence

from markupsafe import Markup

from gr_jax.evaluation import results as tidy
from gr_jax.evaluation.report import result_tables, run_sections
from gr_jax.evaluation.report.page import Section, Tile, page
from gr_jax.progress_bar import spoken_time

_SHOWN = (("hit_rate", "HR"), ("ndcg", "NDCG"), ("mrr", "MRR"))
_K = 10
_HOW_TO_READ = Section(
  "How to read this",
  notes=[
    Markup(
      "Every system ranks the whole catalogue for each user, without the items "
      "that the model read of the user's history. <b>HR@10</b> is the share of "
      "users whose next item is among ten answers, <b>NDCG@10</b> counts it "
      "for more the higher it stands. Intervals (95 %) draw users; differences "
      "are paired."
    )
  ],
  open=True,
)


def next_item_page(report: Mapping) -> str:
  """The report as HTML.

  Args:
    report: `results` (tidy rows), `system`, `seconds`, `commits`, `config`.
  """
  results = report["results"]
  return page(
    f"{report['system']} retrieves",
    f"{headline(results)} The run took "
    f"{spoken_time(sum(report['seconds'].values()))}.",
    [
      Section(tiles=_tiles(results)),
      Section(
        "Beside the others",
        tables=[
          result_tables.against_model(results, metric=metric, k=_K)
          for metric, _ in _SHOWN
        ],
      ),
      Section("Every cutoff", tables=[result_tables.every_cutoff(results)]),
      _HOW_TO_READ,
      run_sections.stages(
        report["seconds"],
        report["commits"],
        {
          name: part
          for name, part in report["config"].items()
          if isinstance(part, Mapping) and name != "hosts"
        },
      ),
    ],
  )  # fmt: skip


def headline(results: Sequence[dict]) -> str:
  """One sentence: the model, and the best of the others."""
  rows = _of(results, "hit_rate")
  model = next(row for row in rows if row["role"] == tidy.MODEL)
  others = [row for row in rows if row["role"] != tidy.MODEL]
  text = f"{model['system']}: HR@{_K} {model['value']:.4f}"
  if not others:
    return f"{text}."
  best = max(others, key=lambda row: row["value"])
  ends = f"[{best['difference_low']:+.4f}, {best['difference_high']:+.4f}]"
  return (
    f"{text}, {best['difference']:+.4f} {ends} beside {best['system']} "
    f"({best['value']:.4f})."
  )


def text_rows(results: Sequence[dict]) -> list[list[str]]:
  """The figures at ten answers, for a terminal."""
  found = [["system", *(f"{label}@{_K}" for _, label in _SHOWN)]]
  columns = [_of(results, metric) for metric, _ in _SHOWN]
  for rows in zip(*columns, strict=True):
    found.append(
      [
        rows[0]["system"],
        *(
          f"{row['value']:.4f} [{row['low']:.4f}, {row['high']:.4f}]"
          for row in rows
        ),
      ]
    )
  return found


def _of(results: Sequence[dict], metric: str) -> list[dict]:
  return tidy.select(results, metric=metric, k=_K, segment="all")


def _tiles(results: Sequence[dict]) -> list[Tile]:
  found = []
  for metric, label in _SHOWN[:2]:
    row = next(r for r in _of(results, metric) if r["role"] == tidy.MODEL)
    lines = [
      f"{row['low']:.4f} to {row['high']:.4f}",
      f"{row['n']:,} users",
    ]
    found.append(Tile(f"{label}@{_K}", f"{row['value']:.4f}", lines))
  return found
