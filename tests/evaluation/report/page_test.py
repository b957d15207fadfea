import html.parser
import re

import numpy as np
import pytest

from gr_jax.data import row_lists
from gr_jax.evaluation import results
from gr_jax.evaluation.report import page, report_file

KINDS = ("semantic", "personalised", "next_basket")
SYSTEMS = ("cq_sid", "popularity", "item_knn", "bm25")


def _results():
  rng = np.random.default_rng(2)
  rows = []
  for kind in KINDS:
    for system in SYSTEMS:
      ranked = np.stack([rng.permutation(60)[:20] for _ in range(30)])
      relevant = row_lists.from_lists(rng.integers(0, 60, (30, 3)))
      for seen in ("kept", "out"):
        rows += results.evaluate(
          ranked,
          relevant,
          system=system,
          requests=kind,
          seen=seen,
          id_of_item=np.arange(60) // 2,
          head=np.arange(60) < 30,
          resamples=20,
        )
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
  return page.page(report)


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


def test_tags_close_in_order(text):
  parser = _Nesting()
  parser.feed(text)
  parser.close()
  assert not parser.open


class _Nesting(html.parser.HTMLParser):
  def __init__(self):
    super().__init__()
    self.open = []

  def handle_starttag(self, tag, attrs):
    if tag != "meta":
      self.open.append(tag)

  def handle_endtag(self, tag):
    assert self.open.pop() == tag


def test_what_a_report_does_not_have_is_left_out():
  bare = {"config": {}, "versions": {}, "seconds": {}, "results": []}
  text = page.page(bare)
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
    {"system": "m", "value": (low + high) / 2, "low": low, "high": high},
    {"system": "bm25", "value": 0.35, "low": 0.3, "high": 0.4},
  ]
  report = {
    "config": {},
    "versions": {},
    "seconds": {},
    "results": [row | common for row in rows],
  }
  assert verdict in page.page(report)


def test_the_written_page_is_the_page(report, text, tmp_path):
  page.write_page(tmp_path / "report.html", report)
  assert (tmp_path / "report.html").read_text(encoding="utf-8") == text


def test_the_tile_is_of_the_runs_own_model_even_where_another_is_better(report):
  rows = [
    row | {"system": "dpr", "value": 0.99, "low": 0.98, "high": 1.0}
    for row in report["results"]
    if row["system"] == "bm25"
  ]
  text = page.page(report | {"results": report["results"] + rows})
  tiles = re.findall(r'<div class="tile"><span>(.*?)</span>', text)
  assert tiles
  assert all("cq_sid" in tile for tile in tiles)
