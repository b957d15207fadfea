"""Which version a run points to, and the server that reloads it."""

import contextlib
import dataclasses
import pathlib
import sys
from collections.abc import Iterator

from experiments.updates import record, tell
from gr_jax import artefacts
from gr_jax.retrieval import versions


@dataclasses.dataclass(frozen=True)
class Server:
  """A server to tell; the address "" = none."""

  address: str = ""
  token: str = ""


def switch(run: pathlib.Path, name: str, server: Server) -> None:
  """Points to a version and tells the server; see `serve`."""
  before = versions.current_name(run)
  versions.point_to(run, name)
  if not server.address:
    say(name, "is current: a server serves it from its next start or reload.")
    return
  try:
    tell.reload(server.address, server.token, name)
  except tell.NotSwitched:
    versions.point_to(run, before)
    raise
  except tell.NotReached as error:
    raise tell.NotReached(
      f"{error}: {name} is current, and the server serves it from its next "
      "start or reload."
    ) from error
  say(name, f"is served by {server.address}.")


def switch_again(run: pathlib.Path, name: str, server: Server) -> None:
  """Tells a server of the version that a run points to already.

  Where the update ended between the pointer and the server's refusal, the
  refusal comes here, and the pointer goes back to the parent.

  Raises:
    tell.NotSwitched, tell.NotReached: as `switch`.
  """
  try:
    switch(run, name, server)
  except tell.WrongServer:
    raise  # It says nothing of the version.
  except tell.NotSwitched:
    made = record.load(run, name)
    if made is not None:
      versions.point_to(run, made.parent)
    raise


def check_run(run: pathlib.Path) -> None:
  if versions.name_of(run) != versions.FIRST:
    raise ValueError(
      f"{run} is a version; name the run that it belongs to: "
      f"--artefacts={run.parent.parent}."
    )
  if not (run / "generator" / "manifest.json").is_file():
    raise FileNotFoundError(
      f"{run} holds no finished run; name the --workdir of one of "
      "`python -m gr_jax.main`."
    )


class InUse(ValueError):
  """Another update or rollback of the run is under way."""


@contextlib.contextmanager
def one_at_a_time(run: pathlib.Path) -> Iterator[None]:
  """Lets one update or rollback of a run at a time into its versions.

  Raises:
    InUse: another process is there.
  """
  with contextlib.ExitStack() as stack:
    try:
      stack.enter_context(artefacts.locked(run / versions.VERSIONS))
    except ValueError as error:
      raise InUse(
        f"another update or rollback of {run} is under way: wait for its end."
      ) from error
    yield


def say(name: str, text: str) -> None:
  """One line on a version, on stderr."""
  print(f"{name}: {text}", file=sys.stderr, flush=True)
