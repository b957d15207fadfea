"""A contact sheet shows every picture with its caption."""

import numpy as np
import pytest

from gr_jax.evaluation.report.contact_sheet import contact_sheet


def test_every_picture_is_there_with_its_caption():
  pictures = np.random.default_rng(0).uniform(-1.5, 1.5, (5, 8, 8, 3))
  captions = [f"a picture <{n}>" for n in range(5)]
  sheet = contact_sheet(pictures, captions, columns=3)
  assert sheet.picture.count("<image") == 5
  for n in range(5):
    assert f"a picture &lt;{n}&gt;" in sheet.picture


@pytest.mark.parametrize(("pictures", "captions"), [(0, 0), (2, 1)])
def test_pictures_without_captions_raise(pictures, captions):
  with pytest.raises(ValueError, match=f"{pictures} pictures"):
    contact_sheet(np.zeros((pictures, 4, 4, 3)), ["a"] * captions)
