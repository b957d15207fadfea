"""The page of a ranker says its figures and those of the others."""

from gr_jax.evaluation.report import ranking_page

RESULTS = [
  {
    "system": system, "task": "click", "segment": segment, "metric": metric,
    "n": 100, "positives": 20, "value": value, "low": value - 0.1,
    "high": value + 0.1,
  }
  | (
    {"difference": -0.1, "difference_low": -0.2, "difference_high": -0.05}
    if system == "counts"
    else {}
  )
  for system, value in (("mine", 0.8), ("counts", 0.9))
  for segment in ("all", "history 0-15")
  for metric in ("ne", "auc")
]  # fmt: skip


def test_the_headline_names_the_best_of_the_others():
  assert ranking_page.headline(RESULTS, "mine") == (
    "click: NE 0.8000, -0.1000 [-0.2000, -0.0500] beside counts (0.9000)."
  )


def test_the_page_has_every_figure_and_the_stages():
  report = {
    "results": RESULTS,
    "system": "mine",
    "seconds": {"data": 1.0, "ranker": 70.0},
    "commits": {"data": "abc", "ranker": "abc"},
    "config": {"name": "mine", "ranker": {"seed": 0}},
    "notes": ["rows: 3 examples"],
  }
  html = ranking_page.ranking_page(report)
  for text in (
    "mine ranks", "0.8000 [0.7000, 0.9000]", "-0.1000 [-0.2000, -0.0500]",
    "history 0-15", "rows: 3 examples", "Normalized entropy".lower(),
  ):  # fmt: skip
    assert text in html


def test_a_metric_that_is_missing_is_a_dash():
  rows = ranking_page.text_rows(RESULTS, "click")
  assert rows[0] == ["system", "NE", "AUC", "GAUC"]
  assert rows[1] == [
    "mine",
    "0.8000 [0.7000, 0.9000]",
    "0.8000 [0.7000, 0.9000]",
    "-",
  ]
