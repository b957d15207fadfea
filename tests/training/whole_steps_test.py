"""What is not as it was written is set aside, and said in one line."""

import pytest

from gr_jax.training import whole_steps

_ARRAYS = "state/d/abc"
_METADATA = "state/_METADATA"
_MARK = "_CHECKPOINT_METADATA"


def write_step(directory, step, *, sealed=True):
  folder = directory / str(step)
  (folder / "state" / "d").mkdir(parents=True)
  (folder / _MARK).write_text("{}")
  (folder / _METADATA).write_text("{}")
  (folder / _ARRAYS).write_bytes(bytes(range(100)))
  if sealed:
    whole_steps.seal(folder)
  return folder


def cut(path):
  path.write_bytes(path.read_bytes()[:40])


def change(path):
  content = bytearray(path.read_bytes())
  content[50] ^= 1
  path.write_bytes(content)


def remove(path):
  path.unlink()


@pytest.mark.parametrize("sealed", [True, False])
def test_a_step_is_whole_as_it_was_written(tmp_path, sealed):
  """With a list, or cut off before it, or older than the lists."""
  assert whole_steps.defect(write_step(tmp_path, 4, sealed=sealed)) is None


@pytest.mark.parametrize(
  ("damage", "name", "reason"),
  [
    (cut, _ARRAYS, f"{_ARRAYS} has 40 bytes of 100"),
    (change, _ARRAYS, f"{_ARRAYS} is not what was written"),
    (remove, _ARRAYS, f"{_ARRAYS} is missing"),
    (remove, _METADATA, f"{_METADATA} is missing"),
    (remove, _MARK, f"{_MARK} is missing"),
    (cut, "files.json", "files.json cannot be read"),
  ],
)
def test_what_is_wrong_is_named(tmp_path, damage, name, reason):
  step = write_step(tmp_path, 4)
  damage(step / name)
  assert whole_steps.defect(step).startswith(reason)


@pytest.mark.parametrize("name", [_METADATA, _MARK])
def test_a_step_without_its_marks_is_not_whole(tmp_path, name):
  step = write_step(tmp_path, 4, sealed=False)
  (step / name).unlink()
  assert whole_steps.defect(step) == f"{name} is missing"


def test_each_step_that_is_not_whole_is_set_aside_with_a_line(tmp_path, capsys):
  for step in (4, 8, 12):
    write_step(tmp_path, step)
  cut(tmp_path / "8" / _ARRAYS)
  change(tmp_path / "12" / _ARRAYS)
  # One was cut off, and another one before it was written again.
  for step in (4, 16):
    (tmp_path / f"{step}.orbax-checkpoint-tmp").mkdir()
  write_step(tmp_path, "8.damaged")  # Of an earlier time.
  whole_steps.set_damaged_aside(tmp_path)
  eight, twelve, sixteen = capsys.readouterr().err.splitlines()
  start = "checkpoint {} is skipped, the last whole one is 4: {}"
  assert eight.startswith(start.format(8, f"{_ARRAYS} has 40 bytes of 100; it"))
  assert twelve.endswith(f"is kept as {tmp_path / '12.damaged'}")
  assert sixteen == start.format(16, "it was cut off while it was written")
  assert whole_steps.defect(tmp_path / "4") is None
  assert (tmp_path / "8.damaged" / _ARRAYS).stat().st_size == 40
  whole_steps.set_damaged_aside(tmp_path)
  assert capsys.readouterr().err.splitlines() == [sixteen]  # Orbax removes it.
