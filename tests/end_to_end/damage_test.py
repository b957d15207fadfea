"""What is damaged on disk is named and mended; nothing wrong is ever served."""

import json
import os
import pathlib
import random
import shutil

import pytest

from gr_jax import kept_stages, manifests
from gr_jax.retrieval.load_manifests import STAGES, read_manifests
from tests.reference import journey_run

pytestmark = pytest.mark.slow
DAMAGES = 500
FINISHED = (*STAGES, "evaluation")


def flip_bit(content: bytes, draw: random.Random) -> bytes:
  changed = bytearray(content)
  changed[draw.randrange(len(changed))] ^= 1 << draw.randrange(8)
  return bytes(changed)


def zero_block(content: bytes, draw: random.Random) -> bytes:
  start = draw.randrange(len(content))
  length = len(content[start : start + 4096])
  return content[:start] + bytes(length) + content[start + length :]


def cut(content: bytes, draw: random.Random) -> bytes:
  return content[: draw.randrange(len(content))]


def delete(content: bytes, draw: random.Random) -> None:
  del content, draw


KINDS = (flip_bit, zero_block, cut, delete)


@pytest.fixture(scope="module")
def whole(shared) -> pathlib.Path:
  return journey_run.make(shared / "journey_run")


def damaged_copy(whole: pathlib.Path, copy: pathlib.Path, draw: random.Random):
  """A copy with one damaged file; its name, or None where nothing changed."""
  shutil.copytree(whole, copy, copy_function=os.link)
  files = [
    path
    for stage in FINISHED
    for path in (copy / stage).rglob("*")
    if path.is_file() and path.stat().st_size
  ]
  path = draw.choice(sorted(files))
  content = path.read_bytes()
  changed = draw.choice(KINDS)(content, draw)
  path.unlink()  # It is a link.
  if changed is not None:
    path.write_bytes(changed)
  same = changed == content
  return None if same else path.relative_to(copy).as_posix()


def refusal(run: pathlib.Path) -> str:
  """What a server that starts on the run says; "" where it serves."""
  try:
    read_manifests(run)
  except (ValueError, FileNotFoundError) as error:
    return str(error)
  return ""


def test_every_damage_is_named_by_server_and_pipeline(whole, tmp_path, capsys):
  draw, counts = random.Random(0), {}
  marks = {
    stage: manifests.read(whole / stage)["fingerprint"] for stage in FINISHED
  }
  for number in range(DAMAGES):
    run = tmp_path / str(number)
    name = damaged_copy(whole, run, draw)
    stage = (name or "").partition("/")[0]
    said = refusal(run)
    assert "\n" not in said
    capsys.readouterr()
    for each, mark in marks.items():
      kept_stages.put_in_place(run / each, mark)
    lines = capsys.readouterr().err
    found = {
      each: manifests.read(run / each) is not None
      for each in marks
      if (run / each).is_dir()
    }
    if name is None:
      kind = "nothing changed"
      assert not said + lines
    elif name.startswith("generator/checkpoints/"):
      # Nothing reads them: the run is served and used as it is.
      kind = "unread checkpoint"
      assert not said
      assert all(found.values())
      assert (name in lines) is (run / name).exists()
    else:
      kind = stage
      assert stage == "evaluation" or name.split("/")[-1] in said
      missing = name.endswith(manifests.MANIFEST) and not (run / name).exists()
      # Without its manifest it was never finished: the run begins it anew.
      assert missing or name in lines
      assert not found.get(stage)
      assert all(found[each] for each in found if each != stage)
    counts[kind] = counts.get(kind, 0) + 1
    shutil.rmtree(run)
  print(counts)


@pytest.mark.parametrize(
  "name",
  [
    "tokenizer/semantic_ids/codes.npy",
    "generator/params",
    "data/manifest.json",
  ],
)
def test_a_damaged_run_heals(whole, tmp_path, name):
  """The figures are those of the run that was not damaged."""
  run = tmp_path / "run"
  shutil.copytree(whole, run)
  path = run / name
  if path.is_dir():
    files = (each for each in path.rglob("*") if each.is_file())
    path = max(files, key=lambda each: each.stat().st_size)
  path.write_bytes(flip_bit(path.read_bytes(), random.Random(0)))
  output = journey_run.finish(run)
  assert path.relative_to(run).as_posix() in output
  results = [
    json.loads((folder / "report.json").read_text())["results"]
    for folder in (whole, run)
  ]
  assert results[0] == results[1]
  assert not refusal(run)
