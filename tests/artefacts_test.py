import json

import pytest

from gr_jax import artefacts


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


def test_a_folder_serves_one_run_at_a_time(tmp_path):
  with (
    artefacts.locked(tmp_path),
    pytest.raises(ValueError, match="in use by another run"),
    artefacts.locked(tmp_path),
  ):
    pass
  with artefacts.locked(tmp_path):
    pass
