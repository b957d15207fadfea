"""What a server keeps to its end costs no collection."""

import gc
import weakref

from gr_jax.serving.long_lived import keep_what_is_there


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
