import re

import numpy as np
import pytest

from gr_jax.evaluation import results
from gr_jax.evaluation.report import report_file
from gr_jax.evaluation.report.retrieval_page import retrieval_page
from tests.reference.plain_lists import from_lists

KINDS = ("semantic", "personalised", "next_basket")
SYSTEMS = {
  "cq_sid": "model",
  "popularity": "baseline",
  "item_knn": "baseline",
  "bm25": "baseline",
}


def _results():
  rng = np.random.default_rng(2)
  rows = []
  for kind in KINDS:
    for system, role in SYSTEMS.items():
      ranked = np.stack([rng.permutation(60)[:20] for _ in range(30)])
      relevant = from_lists(rng.integers(0, 60, (30, 3)))
      for seen in ("kept", "out"):
        measured = results.measure(
          ranked,
          relevant,
          id_of_item=np.arange(60) // 2,
          head=np.arange(60) < 30,
        )
        names = {"system": system, "role": role, "requests": kind, "seen": seen}
        rows += results.rows(measured, names, resamples=20)
  return rows


@pytest.fixture(scope="module")
def report(tmp_path_factory):
  path = tmp_path_factory.mktemp("report") / "report.json"
  figure = {"value": 0.2, "low": 0.1, "high": 0.3, "n": 30}
  return report_file.write_report(
    path,
    config={"name": "<b>cq & co</b>", "generator": {"width": 64}},
    seconds={"prepare": 1.0, "train": 200.0},
    results=_results(),
    quality=[
      {"metric": metric, "level": level, "value": 4.0}
      for metric in ("codes_used", "perplexity")
      for level in (1, 2)
    ],
    level_sizes=[8, 8],
    items_per_id=[10, 3, 1],
    history={"generator": [{"step": s, "train/loss": 1.0} for s in (1, 2)]},
    beams=[{"requests": "semantic", "beam": b, **figure} for b in (1, 10)],
    hallucination=[{"requests": "semantic", **figure}],
  )


@pytest.fixture(scope="module")
def text(report):
  return retrieval_page(report)


def test_every_system_and_kind_of_requests_is_there(text):
  for system in SYSTEMS:
    assert f"<td>{system}</td>" in text
  for kind in KINDS:
    assert f"{kind.replace('_', ' ')} recall@10" in text


def test_the_page_needs_nothing_from_outside(text):
  assert not re.search(r"https?:|//\w|<script|<link|<img|@import", text)
  assert set(re.findall(r"url\((.)", text)) == {"#"}


def test_every_picture_says_in_words_what_it_shows(text):
  pictures = re.findall(r"<svg[^>]*>", text)
  assert len(pictures) == 7
  for picture in pictures:
    assert 'role="img"' in picture
    assert re.search(r'aria-label="[^"]{20,}"', picture)
  assert text.count("<figcaption>") == 7


def test_names_are_unique_on_the_page(text):
  names = re.findall(r' id="([^"]*)"', text)
  assert len(names) == len(set(names))


def test_what_the_config_says_is_text_not_markup(text):
  assert "&lt;b&gt;cq &amp; co&lt;/b&gt;" in text
  assert "<b>cq" not in text


def test_what_a_report_does_not_have_is_left_out():
  bare = {"config": {}, "versions": {}, "seconds": {}, "results": []}
  text = retrieval_page(bare)
  assert "<svg" not in text
  for heading in ("Search", "Training", "Semantic IDs", "Head against tail"):
    assert heading not in text


@pytest.mark.parametrize(
  ("low", "high", "verdict"),
  [
    (0.5, 0.6, "baseline beaten"),
    (0.1, 0.2, "baseline not reached"),
    (0.2, 0.6, "no clear difference"),
  ],
)
def test_the_verdict_follows_the_intervals(low, high, verdict):
  common = {
    "requests": "semantic",
    "level": "item",
    "seen": "kept",
    "segment": "all",
    "metric": "recall",
    "k": 10,
    "n": 9,
  }
  rows = [
    {
      "system": "m",
      "role": "model",
      "value": (low + high) / 2,
      "low": low,
      "high": high,
    },
    {"system": "bm25", "role": "baseline", "value": 0.35}
    | {"low": 0.3, "high": 0.4},
  ]
  report = {
    "config": {},
    "versions": {},
    "seconds": {},
    "results": [row | common for row in rows],
  }
  assert verdict in retrieval_page(report)


def test_the_tile_is_of_the_runs_own_model_even_where_another_is_better(report):
  rows = [
    row
    | {
      "system": "dpr",
      "role": "model",
      "value": 0.99,
      "low": 0.98,
      "high": 1.0,
    }
    for row in report["results"]
    if row["system"] == "bm25"
  ]
  text = retrieval_page(report | {"results": report["results"] + rows})
  tiles = re.findall(r'<div class="tile"><span>(.*?)</span>', text)
  assert tiles
  assert all("cq_sid" in tile for tile in tiles)


def test_the_title_names_models_only(report):
  before = [
    row | {"system": "before_alignment", "role": "before"}
    for row in tidy(report, "cq_sid")
  ]
  text = retrieval_page(report | {"results": report["results"] + before})
  assert "<title>cq_sid against its baselines</title>" in text
  assert "<td>before_alignment</td>" in text


def test_a_dual_encoder_counts_as_a_baseline_where_it_has_that_role(report):
  rows = [
    row | {"system": "dpr", "value": 0.99, "low": 0.98, "high": 1.0}
    for row in tidy(report, "bm25")
  ]
  text = retrieval_page(report | {"results": report["results"] + rows})
  assert text.count("best baseline: dpr 0.9900") == len(KINDS)


def tidy(report, system):
  return results.select(report["results"], system=system)


def test_stages_of_different_commits_are_one_warning_at_the_top(report):
  seconds = {"train": 1.0, "evaluate": 2.0}
  parts = report | {"seconds": seconds}
  same = parts | {"commits": dict.fromkeys(seconds, "abc")}
  assert "warning" not in retrieval_page(same).partition("<body>")[2]
  mixed = parts | {"commits": {"train": "abc", "evaluate": "def"}}
  body = retrieval_page(mixed).partition("<body>")[2]
  warnings = re.findall(r'<p class="warning">(.*?)</p>', body)
  assert len(warnings) == 1
  assert "abc, def" in warnings[0]
  assert body.index("warning") < body.index("<h2>")
  for commit in ("abc", "def"):
    assert f"<td>{commit}</td>" in body
