"""The page of a model that makes pictures of classes."""

from collections.abc import Mapping, Sequence

import numpy as np
from markupsafe import Markup

from gr_jax.evaluation.report import run_sections
from gr_jax.evaluation.report.contact_sheet import contact_sheet
from gr_jax.evaluation.report.page import (
  Cell,
  Row,
  Section,
  Table,
  Tile,
  page,
)
from gr_jax.progress_bar import spoken_time

# Of each class and system.
_SHOWN = 4

_HOW_TO_READ = Section(
  "How to read this",
  notes=[
    Markup(
      "A classifier, trained on real pictures alone, reads the class of every "
      "picture. <b>Accuracy</b> is the share that shows the class of its "
      "caption, with a 95 % interval over pictures; real pictures are not read "
      "without errors either. The <b>Fréchet distance</b> compares means and "
      "covariances of the classifier's features with those of real test "
      "pictures, the same number for every row; what other real pictures have "
      "is the least to hope for. <b>Spread</b> is the variance within classes "
      "over that of real pictures: near 0, pictures of a class are all alike."
    )
  ],
  open=True,
)


def class_pictures_page(
  report: Mapping,
  pictures: Mapping[str, np.ndarray],
  captions: Sequence[str],
) -> str:
  """The report as HTML.

  Args:
    report: `results` (rows of `class_accuracy.measure` with a `system`),
      `seconds`, `commits`, `config`, `classes`.
    pictures: `[N, H, W, C]` by system, and `classes` `[N]`.
    captions: one of each class.
  """
  results = report["results"]
  made = [row for row in results if row["system"] in pictures]
  best = max(made, key=lambda row: row["accuracy"])
  return page(
    "Pictures of classes",
    f"A classifier of real pictures reads {best['accuracy']:.1%} of the "
    f"pictures as their captions say ({best['system']}). The run took "
    f"{spoken_time(sum(report['seconds'].values()))}.",
    [
      Section(tiles=[_tile(row) for row in made]),
      Section("Results", tables=[_table(results)]),
      Section(
        "Classes", tables=[_by_class(results, report["classes"])]
      ),
      *(
        _sheet(row["system"], pictures[row["system"]],
               pictures["classes"], captions)
        for row in made
      ),
      _HOW_TO_READ,
      run_sections.stages(
        report["seconds"], report["commits"], _settings(report["config"])
      ),
    ],
  )  # fmt: skip


def _tile(row: Mapping) -> Tile:
  lines = [f"{row['low']:.1%} to {row['high']:.1%}, {row['n']:,} pictures"]
  return Tile(f"{row['system']}, accuracy", f"{row['accuracy']:.1%}", lines)


def _table(results: Sequence[Mapping]) -> Table:
  rows = []
  for row in results:
    ends = f"{row['low']:.1%} to {row['high']:.1%}" if "low" in row else ""
    cells = [
      Cell(row["system"]),
      Cell(f"{row['accuracy']:.1%}", ends),
      Cell(f"{row['frechet']:.2f}" if "frechet" in row else ""),
      Cell(f"{row['spread']:.2f}" if "spread" in row else ""),
      Cell(f"{row['n']:,}"),
    ]
    rows.append(Row(cells))
  head = ["pictures", "accuracy", "Fréchet distance", "spread", "number"]
  return Table(head, rows)


def _by_class(results: Sequence[Mapping], classes: Sequence[str]) -> Table:
  found = [row for row in results if "by_class" in row]
  rows = [
    Row([Cell(name), *(Cell(f"{row['by_class'][c]:.0%}") for row in found)])
    for c, name in enumerate(classes)
  ]
  return Table(["accuracy", *(row["system"] for row in found)], rows)


def _sheet(
  name: str,
  pictures: np.ndarray,
  classes: np.ndarray,
  captions: Sequence[str],
) -> Section:
  rows = np.stack(
    [np.flatnonzero(classes == c)[:_SHOWN] for c in range(len(captions))],
    axis=1,
  ).ravel()
  # Gray pictures have one channel.
  shown = np.broadcast_to(pictures[rows], (*pictures[rows].shape[:3], 3))
  texts = [captions[int(c)] for c in classes[rows]]
  sheet = contact_sheet(shown, texts, columns=len(captions))
  return Section(f"Pictures, {name}", figures=[sheet])


def _settings(config: Mapping) -> dict[str, Mapping]:
  return {
    name: part for name, part in config.items() if isinstance(part, Mapping)
  }
