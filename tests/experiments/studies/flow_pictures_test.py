"""The study of pictures with classes."""

import re

import pytest

from experiments.studies.flow_pictures import REAL, STUDY
from experiments.studies.study import page
from tests.reference.small_studies import run_small

# It trains a classifier and a flow model.
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def record():
  return run_small("flow_pictures")[0]


def test_every_scale_stands_beside_real_pictures(record):
  (view,) = record.views()
  assert view.measured == [REAL, "guidance_2"]
  own = view.find("accuracy", "guidance_2", REAL)
  real = view.find("accuracy", REAL)
  assert own["value"] - real["value"] == pytest.approx(own["difference"])
  assert own["n"] == view.facts["requests"][""] == 30


def test_the_page_has_distances(record):
  text = page(record, STUDY)
  for name, figures in record.worlds["digits"]["pictures"].items():
    line = rf"{record.labels[name]} +\| {figures['frechet']:.2f} "
    assert re.search(line, text)
