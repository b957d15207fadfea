"""A program is compiled once, kept whole, and compiled again if damaged."""

import dataclasses
import functools
import shutil

import jax
import numpy as np
import pytest

from gr_jax.decoding.filters import pack_rows
from gr_jax.decoding.live_trie import make_live_trie
from gr_jax.generators.prompts.prompt_encoder import MergeItems
from gr_jax.parallel.mesh import MeshConfig, make_mesh, replicated
from gr_jax.retrieval import compiled_search
from gr_jax.retrieval.compiled_search import CompiledSearches, SearchInputs
from tests.reference.small_world import semantic_ids
from tests.retrieval.retriever_test import built

BEAM = 8


@pytest.fixture(scope="module", autouse=True)
def no_other_cache():
  """What JAX's own cache gives back cannot be kept whole."""
  from jax.experimental.compilation_cache import compilation_cache

  jax.config.update("jax_enable_compilation_cache", False)
  compilation_cache.reset_cache()
  yield
  jax.config.update("jax_enable_compilation_cache", True)
  compilation_cache.reset_cache()


@pytest.fixture(scope="module")
def program():
  """Of `inputs()`, compiled once for all tests."""
  shapes = compiled_search._shapes(inputs())
  name = compiled_search._name(model(), BEAM, shapes)
  return name, compiled_search._compiled(name, model(), BEAM, shapes)


@pytest.fixture
def compiled(monkeypatch, program, folder):
  """The names of the programs to compile, all of them the one program."""
  names, (known, found) = [], program
  (file,) = kept(folder)
  payload = file.read_bytes()

  def compile_it(name, *_):
    assert name == known
    names.append(name)
    return found

  def serialize(program):
    assert program is found
    return payload, None, None

  monkeypatch.setattr(compiled_search, "_compiled", compile_it)
  # JAX does not promise to serialise one program again and again.
  monkeypatch.setattr(
    compiled_search.serialize_executable, "serialize", serialize
  )
  return names


def inputs(rows: int = 2, *, mask=None, room: int = 9) -> SearchInputs:
  """Of the first rows of the retriever's test."""
  _, params, _, (prompt, queries) = built()
  ids = semantic_ids()
  live = make_live_trie(ids.ids, ids.level_sizes, capacity=ids.num_ids + room)
  request = jax.tree.map(lambda x: x[:rows], (prompt, queries))
  if mask is None:
    mask = np.ones((rows, ids.num_ids), bool)
  allowed = pack_rows(np.pad(mask, ((0, 0), (0, room))))
  return SearchInputs(params, request, live.trie, allowed)


def model():
  return built()[0]


def read(result) -> list:
  """A result, by value."""
  return [np.asarray(leaf).tolist() for leaf in jax.tree.leaves(result)]


def kept(folder) -> list:
  return sorted(folder.iterdir()) if folder.exists() else []


@pytest.fixture(scope="module")
def folder(tmp_path_factory, program):
  """A folder with the one program of `inputs()`."""
  folder = tmp_path_factory.mktemp("programs") / "made by it"
  name, found = program
  compiled_search._write(folder / f"search-{name}", found, inputs(), 3)
  assert len(kept(folder)) == 1
  return folder


def reference(mask):
  """The retriever's answer to `inputs(mask=mask)`."""
  _, _, retriever, (prompt, queries) = built()
  return retriever.search(
    jax.tree.map(lambda x: x[:2], prompt),
    queries[:2],
    beam_size=BEAM,
    excluded=[np.flatnonzero(~row) for row in mask],
  )


@pytest.fixture(scope="module")
def wanted():
  return reference(np.ones((2, semantic_ids().num_ids), bool))


def test_a_search_is_the_retrievers_under_any_mask(folder, wanted):
  mask = np.ones((2, semantic_ids().num_ids), bool)
  for row, ids in zip(mask, wanted.ids):
    row[ids[::2]] = False
  filtered = reference(mask)
  assert (filtered.ids[:, 0] == wanted.ids[:, 1]).all()
  programs = CompiledSearches(folder)
  for given, answer in ((None, wanted), (mask, filtered)):
    found = programs(model(), BEAM, inputs(mask=given))
    np.testing.assert_array_equal(found.ids, answer.ids)
    np.testing.assert_allclose(found.log_probs, answer.log_probs, atol=1e-5)
  assert len(programs) == 1


def test_what_is_kept_is_read_and_not_compiled(folder, compiled):
  programs = CompiledSearches(folder)
  programs.prepare(model(), BEAM, [inputs(), inputs()])
  first = read(programs(model(), BEAM, inputs()))
  second = read(programs(model(), BEAM, inputs()))
  assert first == second
  assert compiled == []
  assert (len(programs), len(kept(folder))) == (1, 1)


@pytest.mark.parametrize("damage", ["half", "no program"])
def test_a_damaged_program_is_compiled_anew_and_replaced(
  folder, tmp_path, compiled, wanted, damage
):
  (file,) = kept(folder)
  whole = file.read_bytes()
  copy = tmp_path / file.name
  copy.write_bytes(whole[: len(whole) // 2] if damage == "half" else b"no")
  found = CompiledSearches(tmp_path)(model(), BEAM, inputs())
  np.testing.assert_array_equal(found.ids, wanted.ids)
  assert len(compiled) == 1
  # Nothing is left beside it.
  assert kept(tmp_path) == [copy]
  assert copy.read_bytes() == whole
  CompiledSearches(tmp_path).prepare(model(), BEAM, [inputs()])
  assert len(compiled) == 1


def test_a_full_disk_costs_time_only_and_leaves_nothing_behind(
  tmp_path, compiled, wanted, monkeypatch
):
  def full(*_):
    raise OSError(28, "No space left on device")

  monkeypatch.setattr(compiled_search.os, "replace", full)
  programs = CompiledSearches(tmp_path)
  for _ in range(2):
    found = programs(model(), BEAM, inputs())
    np.testing.assert_array_equal(found.ids, wanted.ids)
  assert len(compiled) == 1
  assert kept(tmp_path) == []


def product(x, y, dimension_numbers, precision=None, *, scale=1):
  return scale * jax.lax.dot_general(x, y, dimension_numbers, precision)


def scaled(scale):
  return functools.partial(product, scale=scale)


def name_of(model):
  shapes = compiled_search._shapes(inputs())
  return compiled_search._name(model, BEAM, shapes)


def test_names_depend_on_all_that_a_program_depends_on(monkeypatch):
  plain = inputs()

  def name(other=None, beam=BEAM, inputs=plain):
    shapes = compiled_search._shapes(inputs)
    return compiled_search._name(other or model(), beam, shapes)

  config = model().config
  deeper = dataclasses.replace(config, layers=config.layers + 1)
  devices = jax.devices()
  meshes = [
    make_mesh(MeshConfig(), devices[:4]),
    make_mesh(MeshConfig(model=2), devices[:4]),
    make_mesh(MeshConfig(), devices[4:]),
  ]
  names = [
    name(),
    name(beam=BEAM + 1),
    name(beam=(4, BEAM, BEAM)),
    name(other=model().clone(config=deeper)),
    name(other=model().clone(dot_general=scaled(1))),
    name(other=model().clone(dot_general=scaled(2))),
    name(other=model().clone(prompt_encoder=MergeItems(scaled(1)))),
    name(other=model().clone(prompt_encoder=MergeItems(scaled(2)))),
    name(inputs=inputs(3)),
    name(inputs=inputs(room=10)),
    *(name(inputs=jax.device_put(plain, replicated(mesh))) for mesh in meshes),
  ]
  monkeypatch.setattr(compiled_search, "_world", lambda: ("another source",))
  names.append(name())
  assert len(set(names)) == len(names)


def test_two_equal_partials_have_one_name():
  one, other = (model().clone(dot_general=scaled(3)) for _ in range(2))
  assert one.dot_general is not other.dot_general
  assert name_of(one) == name_of(other)


def test_names_hold_no_addresses(monkeypatch):
  texts = []
  monkeypatch.setattr(compiled_search.hashlib, "sha256", texts.append)
  with pytest.raises(AttributeError):
    name_of(model().clone(dot_general=scaled(3)))
  assert b"scale=3" in texts[0]
  assert b" at 0x" not in texts[0]


def test_values_are_no_part_of_a_name():
  moved = inputs()
  moved = moved._replace(
    variables=jax.tree.map(lambda x: x + 1, moved.variables)
  )
  names = [
    compiled_search._name(model(), BEAM, compiled_search._shapes(each))
    for each in (inputs(), moved)
  ]
  assert names[0] == names[1]


def test_a_folder_that_is_a_file_costs_time_only(tmp_path):
  (tmp_path / "file").write_text("")
  compiled_search._write(tmp_path / "file" / "search-x", object(), None, 3)


def test_what_others_can_write_is_not_unpickled(
  folder, tmp_path, compiled, capsys
):
  """Neither from such a folder nor, in a private one, from such a file."""
  (file,) = kept(folder)
  place = tmp_path / "shared"
  shutil.copytree(folder, place)
  place.chmod(0o777)
  programs = CompiledSearches(place)
  said = capsys.readouterr().err
  assert f"neither read from {place}" in said
  assert said.count("\n") == 1
  programs(model(), BEAM, inputs())
  assert len(compiled) == 1
  place.chmod(0o700)
  (place / file.name).chmod(0o666)
  CompiledSearches(place)(model(), BEAM, inputs())
  assert len(compiled) == 2
  # It was written anew, and by us.
  CompiledSearches(place)(model(), BEAM, inputs())
  assert len(compiled) == 2
  assert not capsys.readouterr().err
