"""The batch and the remat policy that fit are trained."""

import pytest

from tests.reference.toy_device import SIZES
from tools.device import programs, training
from tools.device.forms import FULL


def test_the_first_batch_that_fits_is_trained(monkeypatch):
  class Fake:
    def lower(self):
      return self

    def compile(self):
      return self

  tried = []

  def step(model, batch, mesh):
    tried.append((len(batch[1]), model.config.remat))
    return Fake(), None

  need = {"none": 3.0, "dots": 2.0, "full": 1.0}
  monkeypatch.setattr(programs, "training_step", step)
  monkeypatch.setattr(
    programs,
    "planned_bytes",
    lambda _: tried[-1][0] * need[tried[-1][1]] * 2**20,
  )
  rows, remat, *_ = training.fitting(SIZES, (8, 4), None, 4.5 * 2**20)
  assert (rows, remat) == (4, "full")
  assert tried == [
    *((8, remat) for remat in need),
    *((4, remat) for remat in need),
  ]
  with pytest.raises(MemoryError, match="no batch"):
    training.fitting(SIZES, (8,), None, 1000.0)


def test_a_step_needs_less_memory_with_remat_and_more_with_rows():
  sizes = FULL.models["1.7B"]

  def least(remat, rows):
    model = programs.decoder(sizes, remat=remat)
    return training.least_bytes(model, sizes, rows)

  assert least("full", 8) < least("dots", 8) == least("none", 8)
  assert least("none", 8) < least("none", 16)
  assert least("full", 0) == pytest.approx(16 * 1.72e9, rel=0.01)
