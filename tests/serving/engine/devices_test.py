"""A mesh answers as one device does, also while the catalogue changes."""

import numpy as np
import pytest

from gr_jax.parallel.mesh import MeshConfig, make_mesh
from gr_jax.serving.catalogue.items import ItemChange, NewItem
from gr_jax.serving.engine.devices import Devices, shared_sizes
from tests.reference import shop_run, small_policy
from tests.serving.conftest import open_service

FILTERS = (
  {},
  {"exclude": ["B0", "B7", "nobody"]},
  {"price": {"min": 2, "max": 3}},
  {"categories": ["KITCHEN > PLATES"]},
  {"in_stock": True},
)


def requests(search_of):
  return [
    search_of(query, filters=filters, k=60, **body)
    for filters in FILTERS
    for query, body in (("red cup", {}), (None, {"history": ["B3", "B9"]}))
  ]


def same(found, expected):
  assert [item["id"] for item in found.items] == [
    item["id"] for item in expected.items
  ]
  np.testing.assert_allclose(
    [item["score"] for item in found.items],
    [item["score"] for item in expected.items],
    atol=1e-5,
  )


@pytest.fixture
def run_with_heads(run, shared):
  """The run of all tests, or one with as many heads as devices split them."""

  def made(devices):
    if devices <= 2:
      return run
    workdir = shared / f"shop_run_{devices}_heads"
    shop_run.make(workdir, f"--config.generator.model.heads={devices}")
    return workdir / "run"

  return made


@pytest.mark.parametrize(
  "mesh",
  [
    MeshConfig(data=4, model=2),
    *(
      pytest.param(
        MeshConfig(data=data, model=8 // data), marks=pytest.mark.slow
      )
      for data in (2, 8)
    ),
  ],
  ids=lambda mesh: f"{mesh.data} x {mesh.model}",
)
def test_a_service_on_eight_devices_answers_as_on_one(
  run_with_heads, tmp_path, search_of, mesh
):
  run = run_with_heads(mesh.model)
  for name in ("one", "many"):
    (tmp_path / name).mkdir()
  one = open_service(run, tmp_path / "one")
  many = open_service(run, tmp_path / "many", mesh=mesh)
  asked = requests(search_of)

  def compare():
    for begin in range(0, len(asked), 4):
      some = asked[begin : begin + 4]
      for pair in zip(many.answer(some), one.answer(some)):
        same(*pair)

  try:
    compare()
    first = one.answer(asked[:1])[0].items[0]["id"]
    added = NewItem("N1", "red cup", "KITCHEN > CUPS", price=2.5)
    for change in (
      ItemChange(add=[added], remove=[first, "B9"], stock={"B3": False}),
      ItemChange(add=[], remove=["N1"], stock={"B3": True}),
    ):
      for service in (one, many):
        service.change(change)
      compare()
    names = [item["id"] for item in many.answer(asked[:1])[0].items]
    assert not {"N1", "B9", first} & set(names)
  finally:
    one.close()
    many.close()


def test_sizes_of_batches_are_shared_evenly():
  assert shared_sizes((1, 4, 16, 20), 8) == (8, 16, 24)
  assert shared_sizes((1, 4, 16), 1) == (1, 4, 16)


def test_heads_that_do_not_divide_are_refused_in_one_line():
  mesh = make_mesh(MeshConfig(model=8))
  with pytest.raises(ValueError, match=r"mesh.model=8 .* model.heads=2") as one:
    Devices(small_policy.model(), small_policy.params(), mesh)
  assert "\n" not in str(one.value)
