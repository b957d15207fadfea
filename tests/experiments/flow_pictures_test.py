"""A flow model of real pictures, from data to report."""

import gzip
import json

import numpy as np
import pytest

from configs.flow_pictures import get_config
from experiments import flow_pictures


def tiny(path):
  config = get_config("tiny")
  config.data.update(source="digits", path=str(path))
  return config


def test_a_wrong_sampler_is_named_before_anything_is_read(tmp_path):
  config = tiny(tmp_path / "absent")
  config.evaluation.sampler = "magic"
  with pytest.raises(ValueError, match="sampler is 'magic'"):
    flow_pictures.run(config, tmp_path)


def test_missing_data_is_one_line(tmp_path):
  config = get_config("tiny")
  config.data.path = str(tmp_path)
  with pytest.raises(FileNotFoundError, match="apt-get install"):
    flow_pictures.run(config, tmp_path)


@pytest.mark.slow  # It trains a classifier and a flow model.
def test_a_run_reports_every_scale_and_a_second_one_loads_it(tmp_path):
  rng = np.random.default_rng(0)
  labels = np.arange(3000) % 10
  pixels = rng.integers(0, 40, (3000, 28, 28))
  pixels[np.arange(3000), labels * 2] = 255
  path = tmp_path / "digits.csv.gz"
  with gzip.open(path, "wt") as file:
    table = np.column_stack([pixels.reshape(3000, -1), labels])
    np.savetxt(file, table, fmt="%d", delimiter=",")
  config = tiny(path)
  config.data.valid = 100
  report = flow_pictures.run(config, tmp_path / "run")
  systems = [row["system"] for row in report["results"]]
  assert systems == [
    flow_pictures.TEST_SET,
    "real, of the training set",
    "guidance 2",
  ]
  real, training, made = report["results"]
  # A bright line says the class.
  assert real["as_asked"] > 0.9
  assert training["frechet"] < made["frechet"]
  assert len(made["by_class"]) == 10
  written = json.loads((tmp_path / "run/report.json").read_text())
  assert written["results"] == report["results"]
  assert "guidance 2" in (tmp_path / "run/report.html").read_text()
  again = flow_pictures.run(config, tmp_path / "run")
  assert again["results"] == report["results"]
