"""Every check leads to a function and has the sizes that its bars name."""

import importlib.util

from tools.device import checks
from tools.device.forms import FULL


def test_every_check_and_its_form_can_be_begun():
  for side in checks.SIDES.values():
    for entry in side.values():
      module, function = entry.place.split(":")
      if not entry.needs:
        assert hasattr(
          importlib.import_module(f"tools.device.{module}"), function
        )
  pairs = {*FULL.searches, *FULL.wider_searches}
  assert {beam for beam, _ in pairs} == {50, 100, 500}
  assert FULL.deployment.ids == 1_000_000
