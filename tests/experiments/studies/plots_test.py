"""Pictures show what the tables of the published studies say."""

import re
from xml.etree import ElementTree

import pytest
from matplotlib.figure import Figure

from experiments.studies import plots
from experiments.studies.record import load_record
from experiments.studies.study import load_study
from gr_jax.evaluation.report import svg
from tests.experiments.studies.study_test import RESULTS


def drawn(folder):
  record = load_record(RESULTS / folder / "table.json")
  study = load_study(record.study)
  picture = plots.draw(record, study.figure(record), study.headline)
  root = ElementTree.fromstring(picture)
  texts = [t.text.strip() for t in root.iter() if t.tag.endswith("text")]
  spoken = re.search(r'aria-label="([^"]*)"', picture)[1]
  return texts, spoken


@pytest.fixture(scope="module")
def cq_sid():
  return drawn("cq_sid_claim")


def test_every_world_has_a_panel_per_kind_and_level(cq_sid):
  texts, _ = cq_sid
  for world in ("shop world", "complete journey"):
    assert texts.count(world) == 4
  for panel in ("semantic, ids", "semantic, items", "personalised, items"):
    assert texts.count(panel) == 2


def test_variants_have_a_legend_and_the_baseline_is_the_zero_line(cq_sid):
  texts, _ = cq_sid
  assert texts.count("CQ-SID") == texts.count("CQ-SID without category") == 1
  assert "RQ-VAE" not in texts
  assert "points above RQ-VAE" in texts


def test_every_beam_width_is_on_every_axis(cq_sid):
  texts, _ = cq_sid
  for beam in (1, 10, 30, 100):
    assert texts.count(str(beam)) >= 8


def test_differences_are_said_aloud(cq_sid):
  _, spoken = cq_sid
  assert (
    "complete journey, semantic id hit rate@10, CQ-SID +7.9 from RQ-VAE"
    in spoken
  )


def test_a_variant_that_a_world_does_without_has_no_line():
  texts, spoken = drawn("eg_grpo_claim")
  for metric in ("click@1", "click@10", "exposure@10"):
    assert texts.count(f"shop world, {metric}") == 1
    # Wider than its panel.
    assert texts.count("complete journey,") == 3
    assert texts.count(metric) == 1
  # In each of three panels, of the one world that has it.
  assert texts.count("K = 4: a click, three exposures") == 3
  assert texts.count("K = 2: two clicks") == 9
  assert "shop world, click@10, K = 0, no KL -1.4 from SFT" in spoken


def test_a_mark_is_in_points_or_percent_of_the_baseline_and_stands_out_by_q():
  row = {"value": 0.5, "difference": 0.1, "low": 0.02, "high": 0.18, "q": 0.2}
  assert plots.points(row) == pytest.approx((2, 10, 18, False))
  assert plots.percent(row | {"q": 0.01}) == pytest.approx((5, 25, 45, True))


@pytest.mark.parametrize("q", [0.01, 0.2])
def test_one_series_is_muted_where_it_does_not_stand_out(q):
  row = {"value": 0.5, "difference": 0.1, "low": 0.02, "high": 0.18, "q": q}
  axis = Figure().add_subplot()
  plots.intervals(axis, [("a line", {"": plots.points(row)})])
  color = svg.SERIES[0] if q < 0.05 else svg.MUTED
  assert axis.lines[0].get_color() == color


def test_hollow_marks_and_curves_of_sa2crq():
  texts, _ = drawn("sa2crq_claim")
  assert "recall in %, semantic" in texts
  # Beside the lines of four panels, in the legends of the two curves.
  assert texts.count("SA2CRQ, 10 items") == 6


def test_titles_are_broken_where_their_panel_ends():
  """At 0.6 of their size a letter, in points of the picture."""
  for folder in ("eg_grpo_claim", "sa2crq_claim", "genrec_claim"):
    picture = (RESULTS / folder / "plot.svg").read_text()
    width = float(re.search(r'viewBox="0 0 ([\d.]+) ', picture)[1])
    titles = re.findall(
      r'font-weight: 700; font-size: (\d+)px[^>]*?(?:x="|translate\()([\d.]+)'
      r"[^>]*>([^<]+)<",
      picture,
    )
    assert len(titles) >= 4
    for size, x, line in titles:
      assert float(x) + 0.6 * float(size) * len(line) <= width, line
