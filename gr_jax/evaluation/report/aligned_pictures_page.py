"""The page of a flow model that was aligned with a reward."""

from collections.abc import Mapping, Sequence

import numpy as np
from markupsafe import Markup

from gr_jax.evaluation.report import (
  alignment_plots,
  run_plots,
  run_sections,
)
from gr_jax.evaluation.report.contact_sheet import contact_sheet
from gr_jax.evaluation.report.page import (
  Cell,
  Row,
  Section,
  Table,
  Tile,
  page,
)
from gr_jax.evaluation.report.svg import plain
from gr_jax.progress_bar import spoken_time

BEFORE, AFTER = "before", "after"
_TILES = ("reward", "exact", "count", "object")

_RAISED = "what alignment raises"
_NOT_RAISED = (
  "the judge's score, which alignment did not see: it raised the score of a "
  "classifier of the world's pictures, blind to places, to which colour has "
  "which shape, and to pictures that the world does not draw"
)


def aligned_pictures_page(
  report: Mapping,
  pictures: Mapping[str, np.ndarray],
  captions: Sequence[str],
) -> str:
  """The report as HTML.

  Args:
    report: `results` rows `{"metric", "before", "after", "difference", "low",
      "high", "n"}`, `fidelity`, `history`, `seconds`, `commits`, `config`.
    pictures: `[P, H, W, 3]` by `BEFORE` and `AFTER`, in the order of captions.
    captions: P texts.

  `report["stop"]`, where it is there, is why a guard ended the alignment.
  """
  rows = {row["metric"]: row for row in report["results"]}
  reward = rows["reward"]
  aligned, stop = report["history"].get("align", []), report.get("stop")
  rewards = alignment_plots.gold_and_proxy(
    aligned, kept=stop["kept"] if stop else None
  )
  judged = "a learned scorer" if rewards else "a judge"
  total = spoken_time(sum(report["seconds"].values()))
  return page(
    f"Pictures, aligned with {judged}",
    f"The reward of held-out captions went from {reward[BEFORE]:.3f} to "
    f"{reward[AFTER]:.3f}, exact pictures from {rows['exact'][BEFORE]:.1%} to "
    f"{rows['exact'][AFTER]:.1%}. The run took {total}.",
    [
      Section(
        warnings=[
          *_stopped(stop),
          *run_sections.mixed_commits(report["commits"]),
        ],
        tiles=[_tile(rows[name]) for name in _TILES],
      ),
      Section("Held-out captions", tables=[_table(report["results"])]),
      Section(
        "Is the reward exploited?",
        figures=[*rewards, *alignment_plots.watched(aligned)],
      ),
      _fidelity(report["fidelity"]),
      *(
        Section(
          f"Pictures {name} alignment",
          figures=[contact_sheet(pictures[name], captions)],
        )
        for name in (BEFORE, AFTER)
      ),
      Section("Training", figures=run_plots.training_curves(report["history"])),
      _how_to_read(_NOT_RAISED if rewards else _RAISED),
      run_sections.stages(
        report["seconds"],
        report["commits"],
        {k: v for k, v in report["config"].items() if isinstance(v, Mapping)},
      ),
    ],
  )


def _how_to_read(reward: str) -> Section:
  return Section(
    "How to read this",
    notes=[
      Markup(
        "All pictures are of captions that neither training nor alignment saw; "
        "those before and after come from the same seeds. The judge looks at "
        f"pixels alone. <b>Reward</b> is {reward}; <b>exact</b> is the share "
        "of pictures in which number, colours, shapes and places are all as "
        "the caption says, which nothing but the captions' own truth raises. "
        "<b>Diversity</b> is the standard deviation of a number over a "
        "caption's pictures, <b>brightness</b> the mean size of a number, "
        "<b>saturation</b> the share beyond what a picture can show: where "
        "they fall or drift while the reward rises, the reward is being "
        "exploited. Intervals are 95 % over captions, of one trained model."
      )
    ],
  )


def _stopped(stop: Mapping | None) -> list[str]:
  """Why a guard ended the alignment."""
  if not stop:
    return []
  text = stop["sentence"]
  return [f"{text[0].upper()}{text[1:]}."]


def _tile(row: Mapping) -> Tile:
  lines = [
    f"{row[BEFORE]:.3f} before",
    f"{row['difference']:+.3f} ({row['low']:+.3f} to {row['high']:+.3f})",
  ]
  return Tile(plain(row["metric"]), f"{row[AFTER]:.3f}", lines)


def _table(results: Sequence[Mapping]) -> Table:
  rows = [
    Row([
      Cell(plain(row["metric"])),
      Cell(f"{row[BEFORE]:.3f}"),
      Cell(f"{row[AFTER]:.3f}"),
      Cell(
        f"{row['difference']:+.3f}", f"{row['low']:+.3f} to {row['high']:+.3f}"
      ),
      Cell(f"{row['n']:,}"),
    ])
    for row in results
  ]  # fmt: skip
  head = ["figure", BEFORE, AFTER, "difference", "captions"]
  return Table(head, rows)


_FIDELITY = {
  "spearman": "rank correlation (Spearman)",
  "kendall": "rank correlation (Kendall)",
  "overlap": "share of the best that it finds",
  "best": "mean true percentile of its best",
  "worst": "mean true percentile of its worst",
  "contrast": "share of the contrast that it keeps",
}


def _fidelity(found: Mapping[str, float]) -> Section:
  if not found:
    return Section()
  rows = [
    Row([Cell(_FIDELITY[name]), Cell(f"{value:.3f}")])
    for name, value in found.items()
  ]
  return Section(
    "How well the explorer ranks candidates",
    tables=[Table(["of the candidates of a caption", ""], rows)],
  )
