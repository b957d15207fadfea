import json

import pytest

from gr_jax import artefacts


@pytest.fixture(autouse=True)
def commits(monkeypatch):
  """The commit of the code, which a test may move on: `commits.append`."""
  known = ["first"]
  monkeypatch.setattr(artefacts, "_commit", lambda: known[-1])
  return known


def maker(calls, content="x"):
  def make(directory):
    calls.append(directory)
    (directory / "data.txt").write_text(content)

  return make


@pytest.mark.parametrize("build", [artefacts.build, artefacts.build_resumable])
def test_the_same_inputs_are_not_made_again(tmp_path, build):
  calls = []
  first = build(tmp_path, "a", {"n": 1}, ["in"], maker(calls))
  second = build(tmp_path, "a", {"n": 1}, ["in"], maker(calls))
  assert first == second
  assert len(calls) == 1
  assert (first.directory / "data.txt").read_text() == "x"


@pytest.mark.parametrize("build", [artefacts.build, artefacts.build_resumable])
@pytest.mark.parametrize(
  ("section", "inputs"), [({"n": 2}, ["in"]), ({"n": 1}, ["other"])]
)
def test_another_section_or_input_is_made_anew(
  tmp_path, build, section, inputs
):
  calls = []
  build(tmp_path, "a", {"n": 1}, ["in"], maker(calls))
  build(tmp_path, "a", section, inputs, maker(calls, "y"))
  assert len(calls) == 2
  assert (tmp_path / "a" / "data.txt").read_text() == "y"


@pytest.mark.parametrize(
  ("build", "made"),
  [
    (artefacts.build, [True, False]),
    (artefacts.build_by_all, [True, True]),
    (artefacts.build_resumable, [True, True]),
  ],
)
def test_a_stage_is_made_on_the_first_host_or_on_all(
  tmp_path, monkeypatch, build, made
):
  """The first makes it; another one comes when its manifest is there."""
  monkeypatch.setattr(artefacts.hosts, "wait_for_all", lambda place: None)
  stage = tmp_path, "a", {"n": 1}, ["in"]
  calls, found = [], []
  for first in (True, False):
    monkeypatch.setattr(artefacts.hosts, "is_first", lambda first=first: first)
    monkeypatch.setattr(artefacts, "_load", lambda final, wanted: None)
    before = len(calls)
    make = maker(calls) if first else calls.append
    found.append(build(*stage, make))
    assert (len(calls) > before) is made[not first]
  assert found[0] == found[1]
  assert not (tmp_path / "a.partial").exists()


@pytest.mark.parametrize("build", [artefacts.build, artefacts.build_resumable])
def test_a_stage_is_finished_where_it_would_be_loaded(tmp_path, build):
  stage = "a", {"n": 1}, ["in"]
  assert artefacts.finished(tmp_path, *stage) is None

  def fail(directory):
    (directory / "half").touch()
    raise KeyboardInterrupt

  with pytest.raises(KeyboardInterrupt):
    build(tmp_path, *stage, fail)
  assert artefacts.finished(tmp_path, *stage) is None
  made = build(tmp_path, *stage, maker([]))
  assert artefacts.finished(tmp_path, *stage) == made.directory
  assert artefacts.finished(tmp_path, "a", {"n": 2}, ["in"]) is None
  assert artefacts.finished(tmp_path, "a", {"n": 1}, ["other"]) is None
  assert artefacts.finished(tmp_path, "b", {"n": 1}, ["in"]) is None


def test_what_was_cut_off_is_never_read(tmp_path):
  def fail(directory):
    (directory / "half").touch()
    raise OSError("no space left on device")

  with pytest.raises(OSError, match="no space"):
    artefacts.build(tmp_path, "a", {}, [], fail)
  assert not (tmp_path / "a").exists()
  calls = []
  artefacts.build(tmp_path, "a", {}, [], maker(calls))
  assert not (tmp_path / "a" / "half").exists()


def test_a_resumable_stage_finds_what_it_left(tmp_path):
  def fail(directory):
    (directory / "half").touch()
    raise KeyboardInterrupt

  with pytest.raises(KeyboardInterrupt):
    artefacts.build_resumable(tmp_path, "a", {}, [], fail)
  seen = []
  artefact = artefacts.build_resumable(
    tmp_path, "a", {}, [], lambda d: seen.append((d / "half").exists())
  )
  assert seen == [True]
  started = json.loads((tmp_path / "a" / "started.json").read_text())
  assert artefact.seconds >= started["seconds"] > 0


def test_a_resumable_stage_of_another_config_starts_empty(tmp_path):
  def fail(directory):
    (directory / "half").touch()
    raise KeyboardInterrupt

  with pytest.raises(KeyboardInterrupt):
    artefacts.build_resumable(tmp_path, "a", {"n": 1}, [], fail)
  seen = []
  artefacts.build_resumable(
    tmp_path, "a", {"n": 2}, [], lambda d: seen.append((d / "half").exists())
  )
  assert seen == [False]


@pytest.mark.parametrize("build", [artefacts.build, artefacts.build_resumable])
def test_an_artefact_keeps_the_commit_that_made_it(tmp_path, commits, build):
  made = build(tmp_path, "a", {"n": 1}, ["in"], maker([]))
  assert made.commit == "first"
  manifest = json.loads((tmp_path / "a" / "manifest.json").read_text())
  assert manifest["commit"] == "first"
  assert manifest["machine"]
  commits.append("second")
  calls = []
  assert build(tmp_path, "a", {"n": 1}, ["in"], maker(calls)) == made
  assert not calls  # A commit alone makes nothing anew.
  anew = build(tmp_path, "a", {"n": 2}, ["in"], maker([]))
  assert anew.commit == "second"


def test_a_stage_that_other_code_finished_names_both_commits(tmp_path, commits):
  def fail(directory):
    raise KeyboardInterrupt

  for commit in ("first", "second"):
    commits.append(commit)
    with pytest.raises(KeyboardInterrupt):
      artefacts.build_resumable(tmp_path, "a", {}, [], fail)
  made = artefacts.build_resumable(tmp_path, "a", {}, [], lambda _: None)
  assert made.commit == "first, second"


def test_a_manifest_of_older_code_has_an_unknown_commit(tmp_path):
  made = artefacts.build(tmp_path, "a", {}, [], maker([]))
  path = tmp_path / "a" / "manifest.json"
  manifest = json.loads(path.read_text())
  del manifest["commit"]
  path.write_text(json.dumps(manifest))
  found = artefacts.build(tmp_path, "a", {}, [], maker([]))
  assert found.commit == "unknown"
  assert found.fingerprint == made.fingerprint


def test_a_folder_serves_one_run_at_a_time(tmp_path):
  with (
    artefacts.locked(tmp_path),
    pytest.raises(ValueError, match="in use by another run"),
    artefacts.locked(tmp_path),
  ):
    pass
  with artefacts.locked(tmp_path):
    pass
