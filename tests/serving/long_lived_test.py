"""What a server keeps to its end costs no collection."""

import gc
import sys
import weakref

import pytest

from gr_jax.serving.long_lived import keep_what_is_there, turns_of


class Thing:
  def __init__(self):
    self.itself = self


def test_what_is_kept_is_not_visited_and_what_comes_later_is_collected():
  kept, gone = Thing(), weakref.ref(Thing())
  try:
    keep_what_is_there()
    assert gone() is None
    assert not any(each is kept for each in gc.get_objects())
    later = weakref.ref(Thing())
    gc.collect()
    assert later() is None
  finally:
    gc.unfreeze()


def test_turns_are_short_while_it_serves_and_never_longer_than_before():
  usual = sys.getswitchinterval()
  with turns_of(usual / 4):
    assert sys.getswitchinterval() == pytest.approx(usual / 4)
    with turns_of(usual):
      assert sys.getswitchinterval() == pytest.approx(usual / 4)
  assert sys.getswitchinterval() == pytest.approx(usual)
