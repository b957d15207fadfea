"""A flow model of real pictures, from data to report."""

import json

import pytest

from configs.flow_pictures import get_config
from experiments import flow_pictures
from tests.reference.digits_table import write_digits


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


def test_too_many_pictures_of_a_class_are_said_before_training(tmp_path):
  config = tiny(write_digits(tmp_path, 1100))
  config.data.valid = 20
  config.evaluation.per_class = 50
  with pytest.raises(ValueError, match=r"per_class is 50; give 2 to \d,"):
    flow_pictures.run(config, tmp_path / "run")
  assert not (tmp_path / "run").exists()


@pytest.mark.slow  # It trains a classifier and a flow model.
def test_a_run_reports_every_scale_and_a_second_one_loads_it(tmp_path):
  path = write_digits(tmp_path, 3000)
  config = tiny(path)
  config.data.valid = 300
  report = flow_pictures.run(config, tmp_path / "run")
  systems = [row["system"] for row in report["results"]]
  assert systems == [
    flow_pictures.TEST_SET,
    "real, of the training set",
    "real, of the validation set",
    "guidance 2",
  ]
  real, training, _, made = report["results"]
  assert real["accuracy"] > 0.9
  assert training["frechet"] < made["frechet"]
  assert len(made["by_class"]) == 10
  written = json.loads((tmp_path / "run/report.json").read_text())
  assert written["results"] == report["results"]
  assert "guidance 2" in (tmp_path / "run/report.html").read_text()
  again = flow_pictures.run(config, tmp_path / "run")
  assert again["results"] == report["results"]
