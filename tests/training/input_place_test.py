"""A place in the input is one file, which any number of hosts reads."""

import asyncio
import json

import grain
import jax
import pytest

from gr_jax.training.input_place import PLACE, InputPlace


class Made:
  """Orbax's promise of a folder."""

  def __init__(self, directory):
    self._directory = directory

  async def await_creation(self):
    return self._directory


def numbers():
  return iter(grain.MapDataset.range(100).batch(4).to_iter_dataset())


def save(directory, batches, then=lambda: None):
  async def run():
    rest = await InputPlace(batches).save(Made(directory))
    then()
    await rest

  asyncio.run(run())


def load(directory):
  batches = numbers()

  async def run():
    await (await InputPlace(batches).load(directory))

  asyncio.run(run())
  return batches


def test_the_place_is_that_of_the_moment_of_saving(tmp_path):
  batches = numbers()
  next(batches)
  save(tmp_path, batches, then=lambda: next(batches))
  assert next(load(tmp_path)).tolist() == [4, 5, 6, 7]


def test_the_first_host_alone_writes(tmp_path, monkeypatch):
  monkeypatch.setattr(jax, "process_index", lambda: 1)
  save(tmp_path, numbers())
  assert not list(tmp_path.iterdir())
  monkeypatch.setattr(jax, "process_index", lambda: 0)
  save(tmp_path, numbers())
  assert [path.name for path in tmp_path.iterdir()] == [PLACE]


@pytest.mark.parametrize("hosts", [1, 2])
def test_what_grain_wrote_for_each_host_is_read(tmp_path, hosts):
  batches = numbers()
  next(batches)
  for host in range(hosts):
    path = tmp_path / f"process_{host}-of-{hosts}.json"
    path.write_text(json.dumps(batches.get_state()))
  assert next(load(tmp_path)).tolist() == [4, 5, 6, 7]


def test_a_step_without_a_place_names_the_file(tmp_path):
  with pytest.raises(FileNotFoundError, match=PLACE):
    load(tmp_path)
