import contextlib
import json
import shutil

import pytest

from gr_jax import artefacts, atomic


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
  for later in ("commit", "files", "checksum"):
    del manifest[later]
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


def finished(workdir, value="x", n=1, build=artefacts.build):
  return build(workdir, "a", {"n": n}, ["in"], maker([], value))


def kept(workdir):
  return sorted((workdir / ".stages").glob("*"))


@pytest.mark.parametrize("build", [artefacts.build, artefacts.build_resumable])
def test_the_way_back_to_former_values_costs_nothing(tmp_path, build, capsys):
  first = finished(tmp_path, "x", 1, build)
  finished(tmp_path, "y", 2, build)
  assert "a: made anew, since n 1 -> 2; what is" in capsys.readouterr().err
  assert [path.name for path in kept(tmp_path)] == [f"a-{first.fingerprint}"]
  found = artefacts.finished(tmp_path, "a", {"n": 1}, ["in"])
  assert found == kept(tmp_path)[0]
  calls = []
  for n, content in ((1, "x"), (2, "y"), (1, "x")):
    build(tmp_path, "a", {"n": n}, ["in"], maker(calls))
    assert (tmp_path / "a" / "data.txt").read_text() == content
  assert not calls
  assert len(kept(tmp_path)) == 1


@pytest.mark.parametrize("build", [artefacts.build, artefacts.build_resumable])
def test_a_refused_value_leaves_all_as_it_was(tmp_path, build):
  first = finished(tmp_path, "x", 1, build)

  def refuse(directory):
    (directory / "half").touch()
    raise ValueError("batch_size must be positive")

  with pytest.raises(ValueError, match="must be positive"):
    build(tmp_path, "a", {"n": 0}, ["in"], refuse)
  assert sorted(path.name for path in tmp_path.rglob("*.txt")) == ["data.txt"]
  assert not kept(tmp_path)
  assert not list(tmp_path.rglob("half"))
  assert artefacts.finished(tmp_path, "a", {"n": 1}, ["in"]) == first.directory


def test_what_is_half_trained_comes_back_with_its_values(tmp_path):
  def cut_off(directory):
    (directory / "checkpoints" / "10").mkdir(parents=True)
    raise OSError("no space left on device")

  finished(tmp_path, "x", 1, artefacts.build_resumable)
  with pytest.raises(OSError, match="no space"):
    artefacts.build_resumable(tmp_path, "a", {"n": 2}, ["in"], cut_off)
  finished(tmp_path, "x", 1, artefacts.build_resumable)
  assert (tmp_path / "a" / "data.txt").exists()
  seen = []
  artefacts.build_resumable(
    tmp_path,
    "a",
    {"n": 2},
    ["in"],
    lambda folder: seen.append((folder / "checkpoints" / "10").exists()),
  )
  assert seen == [True]


@pytest.mark.parametrize("content", ["", "{}", "[]", "null", "7", "\0\0", '"x'])
@pytest.mark.parametrize("build", [artefacts.build, artefacts.build_resumable])
def test_an_unreadable_manifest_is_none(tmp_path, build, content, capsys):
  finished(tmp_path, "x", 1, build)
  (tmp_path / "a" / "manifest.json").write_text(content)
  assert artefacts.finished(tmp_path, "a", {"n": 1}, ["in"]) is None
  calls = []
  build(tmp_path, "a", {"n": 1}, ["in"], maker(calls))
  assert len(calls) == 1
  assert f"{tmp_path / 'a' / 'manifest.json'} is" in capsys.readouterr().err


@pytest.mark.parametrize("content", ["", "{}", "[]", "null", "\0\0"])
def test_an_unreadable_mark_of_what_is_under_way_is_none(tmp_path, content):
  def cut_off(directory):
    raise KeyboardInterrupt

  with pytest.raises(KeyboardInterrupt):
    artefacts.build_resumable(tmp_path, "a", {}, [], cut_off)
  (tmp_path / "a" / "started.json").write_text(content)
  artefacts.build_resumable(tmp_path, "a", {}, [], maker([]))
  assert (tmp_path / "a" / "data.txt").exists()


def test_a_damaged_stage_is_made_anew_and_kept(tmp_path, capsys):
  made = finished(tmp_path, "good")
  (made.directory / "data.txt").write_text("evil")
  assert artefacts.finished(tmp_path, "a", {"n": 1}, ["in"]) is None
  finished(tmp_path, "good")
  assert (made.directory / "data.txt").read_text() == "good"
  assert "a/data.txt is not what was written" in capsys.readouterr().err
  (aside,) = kept(tmp_path)
  assert aside.name == f"a-{made.fingerprint}.damaged"
  assert (aside / "data.txt").read_text() == "evil"


@pytest.mark.parametrize("lost", ["params/x", "checkpoints/4/x", "names"])
def test_damaged_parameters_are_made_from_the_last_checkpoint(
  tmp_path, lost, capsys
):
  """All else begins from nothing; of checkpoints nobody has a need."""
  seen = []

  def make(directory):
    seen.append((directory / "checkpoints").exists())
    for name in ("params/x", "checkpoints/4/x", "names"):
      (directory / name).parent.mkdir(parents=True, exist_ok=True)
      (directory / name).write_text(name)

  stage = tmp_path, "a", {}, []
  made = artefacts.build_resumable(*stage, make)
  (made.directory / lost).write_text("evil")
  again = artefacts.build_resumable(*stage, make)
  assert f"a/{lost} has 4 bytes" in capsys.readouterr().err
  anew = {"params/x": [True], "checkpoints/4/x": [], "names": [False]}
  assert seen[1:] == anew[lost]
  assert again.fingerprint == made.fingerprint
  if anew[lost] == [True]:  # What is gone on with counts from its first start.
    assert again.seconds >= made.seconds


def test_the_checkpoints_of_a_finished_training_may_be_removed(
  tmp_path, capsys
):
  def make(directory):
    for name in ("params/x", "checkpoints/4/x"):
      (directory / name).parent.mkdir(parents=True)
      (directory / name).write_text(name)

  made = artefacts.build_resumable(tmp_path, "a", {}, [], make)
  shutil.rmtree(made.directory / "checkpoints")
  capsys.readouterr()
  artefacts.build_resumable(tmp_path, "a", {}, [], make)
  assert capsys.readouterr().err == f"a: loaded from {made.directory}\n"


@pytest.mark.parametrize("cut_at", range(8))
def test_a_kill_at_any_rename_loses_no_stage(tmp_path, monkeypatch, cut_at):
  """Of the first values nothing is made twice, whenever the second is cut."""
  finished(tmp_path, "x", 1)
  calls, renamed = [], []

  def rename(source, target, rename=atomic.rename):
    renamed.append(source)
    if len(renamed) > cut_at:
      raise KeyboardInterrupt
    rename(source, target)

  monkeypatch.setattr(atomic, "rename", rename)
  for n, content in ((2, "y"), (1, "x"), (2, "y")):
    with contextlib.suppress(KeyboardInterrupt):
      artefacts.build(tmp_path, "a", {"n": n}, ["in"], maker([], content))
  monkeypatch.undo()
  artefacts.build(tmp_path, "a", {"n": 1}, ["in"], maker(calls))
  assert not calls
  assert (tmp_path / "a" / "data.txt").read_text() == "x"


@pytest.mark.parametrize("kept", [False, True])
def test_a_run_that_leaves_nothing_leaves_no_folder(tmp_path, kept):
  workdir = tmp_path / "runs" / "mine"
  with artefacts.locked(workdir):
    if kept:
      (workdir / "data").mkdir()
  assert (tmp_path / "runs").exists() == kept


def test_a_folder_that_was_there_stays(tmp_path):
  with artefacts.locked(tmp_path):
    pass
  assert tmp_path.exists()
