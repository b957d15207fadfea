import re
from xml.etree import ElementTree

import numpy as np
import pytest

from gr_jax.evaluation.report import result_plots, svg


def _row(system, requests, value, segment="all"):
  return {
    "system": system,
    "role": "model" if system.endswith("sid") else "baseline",
    "requests": requests,
    "seen": "kept",
    "segment": segment,
    "value": value,
    "low": 0.9 * value,
    "high": 1.1 * value,
  }


ROWS = [
  _row("cq_sid", "semantic", 0.314),
  _row("bm25", "semantic", 0.2),
  _row("cq_sid", "next_basket", 0.15),
  _row("repeat", "next_basket", 0.4),
]


def _texts(picture):
  root = ElementTree.fromstring(
    picture.replace("<svg", '<svg xmlns:xlink="x"', 1)
  )
  return [text.text.strip() for text in root.iter("text")]


def test_every_system_kind_and_figure_can_be_read():
  picture = result_plots.recall_by_system(ROWS).picture
  texts = _texts(picture)
  assert {"cq_sid", "bm25", "repeat", "semantic", "next basket"} <= set(texts)
  assert {"0.314", "0.200", "0.150", "0.400"} <= set(texts)
  label = re.search(r'aria-label="([^"]*)"', picture)[1]
  assert "semantic: cq_sid 0.314, bm25 0.200" in label


def test_baselines_share_a_colour_and_models_have_their_own():
  roles = {
    "bm25": "baseline",
    "rq_vae": "model",
    "repeat": "baseline",
    "before_alignment": "before",
    "cq_sid": "model",
  }
  rows = [{"system": name, "role": role} for name, role in roles.items()]
  assert list(result_plots.colors(rows).values()) == [
    svg.BASELINE,
    svg.SERIES[0],
    svg.BASELINE,
    svg.SOFT,
    svg.SERIES[1],
  ]


def _difference(system, value, low, high, kind="semantic"):
  ends = {"difference_low": low, "difference_high": high}
  return _row(system, kind, 0.3) | {"difference": value} | ends


def test_differences_stand_about_zero_in_the_colour_of_their_verdict():
  rows = [
    _difference("bm25", 0.1, 0.05, 0.15),
    _difference("repeat", -0.1, -0.15, -0.05),
    _difference("nearest", 0.0, -0.1, 0.1),
    _difference("repeat", -0.2, -0.25, -0.15, "next_basket"),
  ]
  picture = result_plots.difference_by_system(rows).picture
  assert {"bm25", "repeat", "nearest", "next basket"} <= set(_texts(picture))
  label = re.search(r'aria-label="([^"]*)"', picture)[1]
  assert "semantic, against bm25: ahead, +0.100 [+0.050, +0.150]" in label
  assert "next basket, against repeat: behind, -0.200" in label
  dots = re.findall(r"<use[^>]*style=\"fill: ([^;\"]*)", picture)
  green, brown, grey = (
    f"var({svg.VARIABLES[color]})"
    for color in (svg.SERIES[2], svg.SERIES[1], svg.BASELINE)
  )
  assert [dots.count(color) for color in (green, brown, grey)] == [1, 2, 1]


def test_head_and_tail_have_figures_of_their_own():
  rows = [
    _row("cq_sid", "semantic", v, s) for s, v in (("head", 0.4), ("tail", 0.1))
  ]
  picture = result_plots.head_against_tail(rows).picture
  assert {"head", "tail", "cq_sid"} <= set(_texts(picture))
  assert "cq_sid head 0.400, cq_sid tail 0.100" in picture


def test_figures_of_nothing_found_can_still_be_drawn():
  zero = [_row("cq_sid", "semantic", 0.0)]
  assert result_plots.recall_by_system(zero).picture.startswith("<svg")
  tail = [_row("cq_sid", "semantic", 0.0, "tail")]
  assert result_plots.head_against_tail(tail).picture.startswith("<svg")


@pytest.mark.parametrize("beams", [[10], [1, 10, 100]])
def test_every_beam_width_is_on_the_axis(beams):
  rows = [
    {"requests": "semantic", "beam": b, "value": 0.1, "low": 0, "high": 0.2}
    for b in beams
  ]
  texts = _texts(result_plots.recall_by_beam(rows).picture)
  assert {str(b) for b in beams} <= set(texts)
  assert "semantic" in texts


def test_names_of_close_lines_do_not_overlap():
  rows = [
    {"requests": kind, "beam": b, "value": v, "low": v, "high": v}
    for kind, v in (("semantic", 0.2), ("personalised", 0.2), ("other", 0.1))
    for b in (1, 10)
  ]
  root = ElementTree.fromstring(
    result_plots.recall_by_beam(rows).picture.replace(
      "<svg", '<svg xmlns:xlink="x"', 1
    )
  )
  names = {"semantic", "personalised", "other"}
  heights = [float(t.get("y")) for t in root.iter("text") if t.text in names]
  assert len(heights) == 3
  assert np.diff(sorted(heights)).min() > 8
