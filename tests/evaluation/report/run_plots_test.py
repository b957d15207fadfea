import re
from xml.etree import ElementTree

import numpy as np

from gr_jax.evaluation.report import run_plots

HISTORY = {
  "tokenizer": [{"step": s, "loss": 2 - s / 9} for s in range(9)],
  "generator": [
    {"step": s, "train/loss": 3 / (s + 1), "train/tokens_per_second": 20000.0}
    for s in range(5)
  ],
  "empty": [],
}


def _texts(picture):
  root = ElementTree.fromstring(
    picture.replace("<svg", '<svg xmlns:xlink="x"', 1)
  )
  return [text.text.strip() for text in root.iter("text")]


def _label(picture):
  return re.search(r'aria-label="([^"]*)"', picture)[1]


def test_every_loss_and_speed_has_a_panel():
  (curves,) = run_plots.training_curves(HISTORY)
  picture = curves.picture
  titles = {
    "tokenizer: loss",
    "generator: loss",
    "generator: tokens per second",
  }
  assert titles <= set(_texts(picture))
  assert "generator: loss from 3 to 0.6" in _label(picture)


def test_the_held_out_loss_is_a_second_line_beside_the_loss():
  rows = [{"step": s, "train/loss": 3 / (s + 1)} for s in range(5)]
  plain = run_plots.training_curves({"generator": rows})[0].picture
  rows += [
    {"step": s, "valid/loss": loss, "valid/loss_1": 1.0}
    for s, loss in ((1, 4.0), (3, 2.0), (4, 2.5))
  ]
  picture = run_plots.training_curves({"generator": rows})[0].picture
  label = "generator: loss from 3 to 0.6, held out from 4 to 2.5, lowest 2"
  assert label in _label(picture)
  assert {"generator: loss", "held out"} <= set(_texts(picture))
  assert not any("valid" in text for text in _texts(picture))
  assert "held out" not in _texts(plain)


def test_there_are_no_curves_without_losses():
  history = {"empty": [], "other": [{"step": 1, "x": 2}]}
  assert not run_plots.training_curves(history)


def test_codebook_use_names_the_codes_of_every_level():
  rows = [
    {"metric": metric, "level": level, "value": value}
    for metric, level, value in (
      ("codes_used", 1, 30.0),
      ("perplexity", 1, 12.0),
      ("codes_used", 2, 200.0),
      ("perplexity", 2, 150.0),
      ("items", 0, 999.0),
    )
  ]
  picture = run_plots.codebook_use(rows, [32, 256]).picture
  assert {"30 of 32", "200 of 256", "level 2"} <= set(_texts(picture))
  assert "level 1: 30 of 32 codes in use, perplexity 12" in _label(picture)


def test_the_last_bar_holds_all_larger_clusters():
  counts = [100, 20, 5, 0, 3, 1]
  picture = run_plots.items_per_id(counts, most=4).picture
  assert _label(picture) == (
    "Items per ID. 1: 100 IDs; 2: 20 IDs; 3: 5 IDs; 4+: 4 IDs"
  )
  exact = run_plots.items_per_id(counts[:4], most=4).picture
  assert "4: 0 IDs" in _label(exact)


def test_stages_are_named_with_their_time():
  picture = run_plots.stage_seconds({"embed": 3.21, "train": 380.0}).picture
  assert {"embed", "train", "3.2 s", "6 min 20 s"} <= set(_texts(picture))


def test_smoothing_keeps_a_slope_and_the_mean_of_noise():
  line = np.linspace(9, 2, 200)
  np.testing.assert_allclose(run_plots.smoothed(line), line)
  noise = np.random.default_rng(0).normal(size=2000)
  assert run_plots.smoothed(noise)[200:-200].std() < 0.1
  assert run_plots.smoothed([1.0, 5.0]).tolist() == [1.0, 5.0]


def test_a_single_point_is_no_curve():
  assert not run_plots.training_curves({"a": [{"step": 1, "loss": 2.0}]})
