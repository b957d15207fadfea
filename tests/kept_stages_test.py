"""What takes the place of a stage is said, and what was there is kept."""

import pytest

from gr_jax import artefacts, kept_stages

SECTION = {"loop": {"steps": 10, "rate": 0.1}, "sizes": (4, 4), "name": "x"}


@pytest.fixture
def stage(tmp_path):
  make = artefacts.build(
    tmp_path, "a", SECTION, [], lambda folder: (folder / "file").touch()
  )
  return make.directory


@pytest.mark.parametrize(
  ("changed", "said"),
  [
    ({"loop": {"steps": 20, "rate": 0.1}}, "since loop.steps 10 -> 20;"),
    ({"sizes": (4, 8)}, "since sizes [4, 4] -> [4, 8];"),
    ({"new": 1}, "since new unset -> 1;"),
    ({}, "since what it is made from has changed;"),
    (
      {"loop": {"steps": 1, "rate": 1}, "sizes": (), "name": ""},
      "since loop.rate 0.1 -> 1, loop.steps 10 -> 1, name x -> , 1 more;",
    ),
  ],
)
def test_the_values_that_changed_are_said_before_a_stage_is_remade(
  stage, capsys, changed, said
):
  capsys.readouterr()
  kept_stages.announce(stage, SECTION | changed)
  found = capsys.readouterr().err
  assert f"a: made anew, {said} what is there is kept as " in found
  assert found.count("\n") == 1
  assert (stage / "file").exists()


def test_of_what_was_never_finished_nothing_is_said(tmp_path, capsys):
  kept_stages.announce(tmp_path / "a", SECTION)
  assert not capsys.readouterr().err


def test_what_is_set_aside_is_put_back_whole(stage):
  aside = kept_stages.set_aside(stage)
  assert aside is not None
  assert not stage.exists()
  stage.mkdir()
  (stage / "half").touch()
  kept_stages.put_back(aside, stage)
  assert sorted(path.name for path in stage.iterdir()) == [
    "file",
    "manifest.json",
  ]
  assert not aside.exists()


def test_a_training_with_a_checkpoint_stays_in_its_place(stage):
  aside = kept_stages.set_aside(stage)
  assert aside is not None
  (stage / "checkpoints" / "4").mkdir(parents=True)
  kept_stages.put_back(aside, stage)
  assert aside.exists()
  assert (stage / "checkpoints" / "4").exists()


def test_where_there_is_no_stage_none_is_set_aside(tmp_path):
  assert kept_stages.set_aside(tmp_path / "a") is None


def test_a_stage_that_a_recipe_does_not_have_is_left_out(stage, capsys):
  capsys.readouterr()
  kept_stages.leave_out(stage)
  assert not stage.exists()
  aside, *_ = (stage.parent / kept_stages.KEPT).iterdir()
  said = f"a: this recipe has none; what is there is kept as {aside}.\n"
  assert capsys.readouterr().err == said
  kept_stages.leave_out(stage)
  assert not capsys.readouterr().err
