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
import time
from typing import Any

from experiments.updates import record
from experiments.updates.learn import learn
from experiments.updates.met_before import finished, learned_by, left_with
from experiments.updates.parts import check_trainable
from experiments.updates.prepare import Sources, known_log, prepare
from experiments.updates.record import Record
from experiments.updates.settings import UpdateConfig
from experiments.updates.switching import (
  Server,
  check_run,
  one_at_a_time,
  say,
  switch,
  switch_again,
)
from experiments.updates.verdict import RISING, Judge, Verdict, shown
from gr_jax import provenance
from gr_jax.parallel.host_memory import release_freed_memory
from gr_jax.retrieval import versions
from gr_jax.retrieval.load import load_artefacts


def update(
  run: pathlib.Path, sources: Sources, config: UpdateConfig, server: Server
) -> Record | None:
  """Makes the next version and serves it if it is fit to be.

  Args:
    run: the workdir of a finished run.
    sources: what comes in.
    config: how to learn, and the limits.
    server: reloads the version.

  Returns:
    The version; None where the events were learned before.

  Raises:
    FileNotFoundError, ValueError, OSError: the run, or what comes in, cannot be
      read, or a version cannot be written; what was served is served still.
  """
  check_run(run)
  files = _described(sources)
  with one_at_a_time(run):
    parent = versions.current_name(run)
    versions.check_run(run, parent)
    chain = record.chain(run, parent)
    mark = record.mark_of(files)
    known = learned_by(chain, files[0])
    if known:
      if server.address:
        # It may have been out of reach when the version was made.
        switch_again(run, parent, server)
      else:
        say(known, f"{files[0]['file']} is learned already; nothing is done.")
      return None
    left = left_with(run, files[0])
    if left is not None:
      say(
        left.name,
        f"{files[0]['file']} was learned and rolled back; "
        f"--rollback={left.name} serves it.",
      )
      return left
    made = finished(run, parent, mark, dataclasses.asdict(config))
    if made is not None and made.reasons:
      say(made.name, f"{files[0]['file']} was tried; {_kept(made)}")
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
    say(made.name, _kept(made))
    return
  switch(run, made.name, server)


def _make(run, parent, chain, files, sources, config: UpdateConfig) -> Record:
  start = time.perf_counter()
  settings = dataclasses.asdict(config)
  fingerprint = versions.run_fingerprint(run)
  wanted = {"parent": parent, "files": files, "settings": settings}
  name = _begin(run, wanted | {"run": fingerprint})
  folder = versions.folder(run, name)
  try:
    verdict = _trained(run, folder, parent, chain, files, sources, config)
  except ValueError:
    # What comes in is to blame: there is nothing to go on from.
    shutil.rmtree(folder, ignore_errors=True)
    raise
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
    run=fingerprint,
  )
  # What a training goes on from, three times the parameters.
  shutil.rmtree(folder / "generator" / "checkpoints", ignore_errors=True)
  record.save(run, made)
  return made


def _trained(
  run, folder, parent, chain, files, sources, config: UpdateConfig
) -> Verdict:
  """Makes the stages of a version; returns how it does."""
  old = load_artefacts(versions.folder(run, parent))
  check_trainable(old.manifests["generator"]["section"])
  settings = repr(dataclasses.asdict(config))
  inputs = [old.fingerprint, record.mark_of(files), settings]
  log = known_log(run, chain, old.catalogue.values)
  parts, said = prepare(folder, old, log, sources, config, inputs=inputs)
  if said and files != _described(sources):
    raise ValueError(
      f"{files[0]['file']} has changed while it was read; the same command "
      "reads it anew."
    )
  for sentence in said:
    say(folder.name, f"{sentence}.")
  judge = Judge(parts, config)
  before = judge.before(folder)
  release_freed_memory()
  params = learn(parts, folder, config, inputs=inputs)
  release_freed_memory()
  return judge.verdict(before, params)


def _described(sources: Sources) -> list[dict[str, Any]]:
  """The files that come in, that of the events first."""
  paths = (sources.events, sources.items)
  return [record.describe_file(path) for path in paths if path is not None]


def _begin(run: pathlib.Path, wanted: dict) -> str:
  """The name of the version to make; the one that was cut off if it is that."""
  found = ""
  for name in versions.names(run)[1:]:
    if record.load(run, name) is not None:
      continue
    if record.begun(run, name) == wanted and not found:
      found = name
      say(name, "goes on.")
      continue
    say(name, "was cut off and is of another update: removed.")
    shutil.rmtree(versions.folder(run, name))
  if not found:
    found = f"{int(versions.names(run)[-1]) + 1:04d}"
    record.begin(run, found, wanted)
  return found


def _say_figures(name: str, verdict: Verdict) -> None:
  found = {(row["slice"], row["metric"]) for row in verdict.rows}
  for metric in RISING:
    if ("arrived", metric) in found:
      row = verdict.row("arrived", "before", metric)
      text = f"{metric} on what arrived, before it is learned: {shown(row)}."
      say(name, text)
    for part in ("old", "learned", "newest"):
      if (part, metric) in found:
        pair = [verdict.row(part, what, metric) for what in ("before", "after")]
        change = verdict.row(part, "difference", metric)
        say(
          name,
          f"{metric} on {part} requests: {pair[0]['value']:.3f} -> "
          f"{pair[1]['value']:.3f}, by {shown(change)}.",
        )


def _kept(made: Record) -> str:
  return (
    f"it is kept and not served: {'; '.join(made.reasons)}. To serve it all "
    f"the same: --rollback={made.name}."
  )
