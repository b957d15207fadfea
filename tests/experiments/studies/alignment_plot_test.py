"""The picture shows what the table of the study says."""

from xml.etree import ElementTree

from experiments.studies import alignment_plot
from experiments.studies.alignment_hits import FIGURES

ARMS = ["sft", "k0", "k2"]


def test_every_world_and_figure_has_a_panel_and_every_arm_is_spoken_of():
  hits = [
    {
      "arm": arm,
      "figure": figure,
      "against": against,
      "difference": difference,
      "low": difference - 0.01,
      "high": difference + 0.01,
    }
    for against in ("sft", "k0")
    for arm, difference in zip(ARMS, (0.0, -0.02, 0.05))
    for figure in FIGURES
  ]
  picture = alignment_plot.picture(
    {
      "arms": [*ARMS, "k4"],
      "worlds": {"shop_world": {"arms": ARMS, "hits": hits}},
    }
  )
  root = ElementTree.fromstring(picture)
  texts = [t.text.strip() for t in root.iter() if t.tag.endswith("text")]
  for figure in FIGURES:
    assert texts.count(f"shop world, {figure}") == 1
  assert texts.count("K = 2: two clicks") == 1
  # An arm that the world does without has no row.
  assert not any(text.startswith("K = 4") for text in texts)
  assert "K = 2: two clicks +5.0" in picture
  assert "K = 0 (GRPO) -2.0" in picture
