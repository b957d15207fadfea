"""A run of several hosts under the watch of `watchdog`."""

import contextlib
import os
import sys
import traceback
from collections.abc import Callable, Iterator

import jax

from gr_jax.parallel import last_words, liveness, preemption
from gr_jax.parallel.store import CoordinatorStore
from gr_jax.parallel.watchdog import HostsConfig, Watchdog

_watch: Watchdog | None = None


@contextlib.contextmanager
def watched(
  config: HostsConfig, one_line: Callable[[BaseException], str]
) -> Iterator[None]:
  """Watches over all hosts meanwhile; where there is but one it does nothing.

  Args:
    config: the limit.
    one_line: gives the line of an error that ends this host.
  """
  global _watch
  if jax.process_count() == 1:
    yield
    return
  watch = _watch = Watchdog(
    CoordinatorStore(),
    host=jax.process_index(),
    count=jax.process_count(),
    limit=config.limit,
  )
  last_words.on_abort(watch.words)
  liveness.share(True)
  preemption.hold(watch)
  watch.start()
  try:
    yield
  except preemption.Preempted:
    raise
  except BaseException as error:
    watch.fail(one_line(error))
    raise
  finally:
    watch.stop()
    preemption.release(watch)
    liveness.share(False)


def leave(code: int) -> None:
  """Ends the process after a run that failed or was stopped.

  Of several hosts none can wait for the others, as JAX would at its end. On one
  host, and after success, this does nothing. An exception that is under way is
  printed with its trace.
  """
  if _watch is None or not code:
    return
  if sys.exc_info()[0] is not None:
    traceback.print_exc()
  _watch.leave()
  os._exit(code)
