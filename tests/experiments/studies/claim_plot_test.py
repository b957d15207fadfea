"""The picture shows what the table of the study says."""

import re
from xml.etree import ElementTree

import pytest

from experiments.studies import claim_plot

ARMS = ["rq_vae", "without_category", "cq_sid"]
BEAMS = (1, 10, 100)


def hits():
  return [
    {
      "requests": kind,
      "level": level,
      "arm": arm,
      "beam": beam,
      "difference": difference,
      "low": difference - 0.01,
      "high": difference + 0.01,
    }
    for kind in ("semantic", "personalised")
    for level in ("id", "item")
    for arm, difference in zip(ARMS, (0.0, 0.02, 0.05))
    for beam in BEAMS[::-1]
  ]


@pytest.fixture(scope="module")
def picture():
  worlds = {name: {"hits": hits()} for name in ("shop_world", "other_world")}
  return claim_plot.picture({"arms": ARMS, "beams": BEAMS, "worlds": worlds})


def texts(picture):
  root = ElementTree.fromstring(picture)
  return [
    text.text.strip() for text in root.iter() if text.tag.endswith("text")
  ]


def test_every_world_has_a_panel_per_kind_and_level(picture):
  found = texts(picture)
  for world in ("shop world", "other world"):
    assert found.count(world) == 4
  for panel in ("semantic, IDs", "semantic, items", "personalised, items"):
    assert found.count(panel) == 2


def test_arms_are_told_apart_and_the_baseline_is_the_zero_line(picture):
  found = texts(picture)
  assert found.count("CQ-SID") == 1
  assert found.count("CQ-SID without category") == 1
  assert "RQ-VAE" not in found
  assert "points above RQ-VAE" in found


def test_every_beam_width_is_on_every_axis(picture):
  for beam in BEAMS:
    assert texts(picture).count(str(beam)) == 8


def test_who_cannot_see_it_is_told_the_points_at_the_widest_beam(picture):
  label = re.search(r'aria-label="([^"]*)"', picture)[1]
  assert label.startswith("Points at beam 100: ")
  assert "shop world, semantic, id, CQ-SID +5.0" in label
  assert label.count("+2.0") == 8
  assert "RQ-VAE" not in label


def test_lines_run_from_narrow_to_wide_whatever_the_order_of_the_rows():
  study = {"arms": ARMS, "beams": BEAMS, "worlds": {}}
  drawn = [
    claim_plot.picture(study | {"worlds": {"shop_world": {"hits": rows}}})
    for rows in (hits(), hits()[::-1])
  ]
  lines = [re.findall(r'<path d="[^"]*"', svg) for svg in drawn]
  assert sorted(lines[0]) == sorted(lines[1])
