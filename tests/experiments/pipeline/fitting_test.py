"""The bar keeps the history, and parameters come back as they were."""

import numpy as np

from experiments.pipeline.fitting import load_params, progress_bar, save_params


def test_the_history_has_a_row_a_call_and_the_bar_stands_at_the_step(capsys):
  with progress_bar("a ranker", steps=4) as (progress, history):
    progress(1, {"loss": 2.0})
    progress(4, {"loss": 0.5})
  assert history == [{"step": 1, "loss": 2.0}, {"step": 4, "loss": 0.5}]
  shown = capsys.readouterr().err
  assert "a ranker" in shown
  assert "4 of 4 steps" in shown


def test_parameters_come_back_bit_for_bit(tmp_path):
  params = {"a": {"b": np.arange(6, dtype=np.float32).reshape(2, 3) / 7}}
  save_params(tmp_path, params)
  found = load_params(tmp_path)
  np.testing.assert_array_equal(found["a"]["b"], params["a"]["b"])
