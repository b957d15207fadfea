"""One update of a run, from a file of events to a version that is served.

The steps leave, in this order: the folder of the version and `begun.json`; its
stages vectors, tokenizer and data; `before.npz`, the parent on what arrived,
measured before it is learned; the generator, with a checkpoint every fifth of
the steps; `version.json`; the pointer; the server. What a SIGKILL leaves is
therefore the parent being served and, after the same command, the update going
on at the last of these.
"""

import dataclasses
import pathlib
import shutil
import sys
import time

from experiments.updates import record, tell
from experiments.updates.learn import learn
from experiments.updates.parts import check_trainable
from experiments.updates.prepare import Sources, known_log, prepare
from experiments.updates.record import Record
from experiments.updates.settings import UpdateConfig
from experiments.updates.verdict import HITS, Judge, Verdict, shown
from gr_jax import artefacts, provenance
from gr_jax.parallel.host_memory import release_freed_memory
from gr_jax.retrieval import versions
from gr_jax.retrieval.load import load_artefacts


@dataclasses.dataclass(frozen=True)
class Server:
  """A server to tell; the address "" = none."""

  address: str = ""
  token: str = ""


def update(
  run: pathlib.Path, sources: Sources, config: UpdateConfig, server: Server
) -> Record | None:
  """Makes the next version and serves it if it is fit to be.

  Args:
    run: the workdir of a finished run.
    sources: what comes in.
    config: how to learn, and the limits.
    server: who is told.

  Returns:
    The version; None where the events were learned before.

  Raises:
    FileNotFoundError, ValueError, OSError: the run, or what comes in, cannot be
      read, or a version cannot be written; what was served is served still.
  """
  _check_run(run)
  files = [
    record.describe_file(path)
    for path in (sources.events, sources.items)
    if path is not None
  ]
  with artefacts.locked(run / versions.VERSIONS):
    parent = versions.current_name(run)
    chain = record.chain(run, parent)
    mark = record.mark_of(files)
    known = _learned(chain, files[0])
    if known:
      _say(known, f"{files[0]['file']} is learned already; nothing is done.")
      if server.address:
        # It may have been out of reach when the version was made.
        switch(run, parent, server)
      return None
    made = _finished(run, parent, mark)
    if made is not None and made.reasons:
      _say(made.name, f"{files[0]['file']} was tried; {_kept(made)}")
      return made
    if made is None:
      made = _make(run, parent, chain, files, sources, config)
    serve(run, made, server)
    return made


def serve(run: pathlib.Path, made: Record, server: Server) -> None:
  """Serves a finished version, or says why not.

  Raises:
    tell.NotSwitched: the server cannot serve it; the pointer is what it was.
    tell.NotReached: nobody answered; the pointer names the version.
  """
  if made.reasons:
    _say(made.name, _kept(made))
    return
  switch(run, made.name, server)


def switch(run: pathlib.Path, name: str, server: Server) -> None:
  """Points to a version and tells the server; see `serve`."""
  before = versions.current_name(run)
  versions.point_to(run, name)
  if not server.address:
    _say(name, "is current: a server serves it from its next start or reload.")
    return
  try:
    tell.reload(server.address, server.token)
  except tell.NotSwitched:
    versions.point_to(run, before)
    raise
  _say(name, f"is served by {server.address}.")


def roll_back(run: pathlib.Path, name: str, server: Server) -> str:
  """Serves an older version again, by default the parent of the current one.

  Args:
    run: the workdir of the run.
    name: a version that is there; "" = the parent.
    server: who is told.

  Raises:
    ValueError: there is nothing to go back to, or no such version.
  """
  _check_run(run)
  with artefacts.locked(run / versions.VERSIONS):
    current = versions.current_name(run)
    if not name:
      found = record.load(run, current)
      if found is None:
        raise ValueError(f"{run} serves the run itself; nothing is before it.")
      name = found.parent
    if name not in versions.names(run):
      raise ValueError(
        f"there is no version {name!r}; there are "
        f"{', '.join(versions.names(run))}."
      )
    if name != versions.FIRST and record.load(run, name) is None:
      raise ValueError(f"version {name} is not finished.")
    switch(run, name, server)
    return name


def _check_run(run: pathlib.Path) -> None:
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


def _learned(chain: list[Record], events: dict) -> str:
  """The version that learned a file of events; "" if none did.

  Its items are not asked after: events are what is learned.
  """
  for one in chain:
    if one.events[0]["sha256"] == events["sha256"]:
      return one.name
  return ""


def _finished(run: pathlib.Path, parent: str, mark: str) -> Record | None:
  """The version that was made of the same parent and events, if any."""
  for name in versions.names(run):
    found = record.load(run, name)
    if found and (found.parent, found.mark) == (parent, mark):
      return found
  return None


def _make(run, parent, chain, files, sources, config: UpdateConfig) -> Record:
  start = time.perf_counter()
  settings = dataclasses.asdict(config)
  name = _begin(run, {"parent": parent, "files": files, "settings": settings})
  folder = versions.folder(run, name)
  old = load_artefacts(versions.folder(run, parent))
  check_trainable(old.manifests["generator"]["section"])
  inputs = [old.fingerprint, record.mark_of(files), repr(settings)]
  log = known_log(run, chain, old.catalogue.values)
  parts, read = prepare(folder, old, log, sources, config, inputs=inputs)
  if read is not None:
    _say(name, f"{read.sentence()}.")
  judge = Judge(parts, config)
  before = judge.before(folder)
  release_freed_memory()
  params = learn(parts, folder, config, inputs=inputs)
  release_freed_memory()
  verdict = judge.verdict(before, params)
  _say_figures(name, verdict)
  made = Record(
    name=name,
    parent=parent,
    events=files,
    settings=settings,
    reasons=verdict.reasons,
    figures={"rows": verdict.rows, "drift": verdict.drift},
    commit=provenance.commit(),
    machine=provenance.machine(),
    seconds=time.perf_counter() - start,
  )
  # What a training goes on from, three times the parameters.
  shutil.rmtree(folder / "generator" / "checkpoints", ignore_errors=True)
  record.save(run, made)
  return made


def _begin(run: pathlib.Path, wanted: dict) -> str:
  """The name of the version to make; the one that was cut off if it is that."""
  found = ""
  for name in versions.names(run)[1:]:
    if record.load(run, name) is not None:
      continue
    if record.begun(run, name) == wanted and not found:
      found = name
      _say(name, "goes on.")
      continue
    _say(name, "was cut off and is of another update: removed.")
    shutil.rmtree(versions.folder(run, name))
  if not found:
    found = f"{int(versions.names(run)[-1]) + 1:04d}"
    record.begin(run, found, wanted)
  return found


def _say_figures(name: str, verdict: Verdict) -> None:
  found = {row["slice"] for row in verdict.rows}
  if "arrived" in found:
    row = verdict.row("arrived", "before")
    _say(name, f"{HITS} on what arrived, before it is learned: {shown(row)}.")
  for part in ("old", "newest"):
    if part in found:
      pair = [verdict.row(part, what) for what in ("before", "after")]
      change = verdict.row(part, "difference")
      _say(
        name,
        f"{HITS} on {part} requests: {pair[0]['value']:.3f} -> "
        f"{pair[1]['value']:.3f}, by {shown(change)}.",
      )


def _kept(made: Record) -> str:
  return (
    f"it is kept and not served: {'; '.join(made.reasons)}. To serve it all "
    f"the same: --rollback={made.name}."
  )


def _say(name: str, text: str) -> None:
  print(f"{name}: {text}", file=sys.stderr, flush=True)
