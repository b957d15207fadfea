import re

from gr_jax.evaluation.report import page_tables


def _row(system, requests, value, metric="recall", k=10):
  return {
    "system": system,
    "requests": requests,
    "metric": metric,
    "k": k,
    "value": value,
    "low": value - 0.01,
    "high": value + 0.01,
  }


ROWS = [
  _row("bm25", "semantic", 0.2),
  _row("<cq>", "semantic", 0.3),
  _row("<cq>", "next_basket", 0.1),
  _row("<cq>", "semantic", 0.6, k=50),
]


def _lines(html):
  return re.findall(r"<tr.*?</tr>", html)


def test_the_best_figure_of_a_column_is_marked():
  table = page_tables.headline(ROWS, metric="recall", k=10)
  best = re.findall(r'<td class="best">([\d.]+)', table)
  assert best == ["0.3000", "0.1000"]


def test_models_and_floors_are_told_apart_and_names_are_escaped():
  _, first, second = _lines(page_tables.headline(ROWS, metric="recall", k=10))
  assert first.startswith('<tr class="model"><td>&lt;cq&gt;</td>')
  assert second.startswith('<tr class="baseline"><td>bm25</td>')
  assert second.count("n/a") == 1
  assert "0.1900 to 0.2100" in second


def test_every_cutoff_has_a_column():
  head, *lines = _lines(page_tables.every_cutoff(ROWS[:2] + ROWS[3:]))
  assert re.findall(r"@\d+", head) == ["@10", "@50"]
  assert re.findall(r"<td>(.*?)</td>", lines[1]) == [
    "&lt;cq&gt; recall",
    "0.3000",
    "0.6000",
  ]


def test_level_zero_is_the_whole_id():
  rows = [
    {"metric": "items", "level": 0, "value": 1200.0},
    {"metric": "gini", "level": 1, "value": 0.25},
  ]
  head, items, gini = _lines(page_tables.by_level(rows))
  assert re.findall(r"<th.*?>(.*?)</th>", head) == [
    "figure",
    "whole ID",
    "level 1",
  ]
  assert re.findall(r"<td>(.*?)</td>", items) == ["items", "1,200", ""]
  assert re.findall(r"<td>(.*?)</td>", gini) == ["gini", "", "0.25"]


def test_nested_values_have_dotted_names():
  html = page_tables.pairs(
    {"seed": 1, "model": {"width": 8, "rate": 0.1 + 0.2}}
  )
  assert re.findall(r"<dt>(.*?)</dt><dd>(.*?)</dd>", html) == [
    ("seed", "1"),
    ("model.width", "8"),
    ("model.rate", "0.3"),
  ]
