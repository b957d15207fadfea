import grain
import jax.numpy as jnp
import pytest

from gr_jax.retrieval.load_params import check_params, read_params
from gr_jax.training.checkpoints import Checkpoints

LIKE = {"a": {"w": jnp.zeros((2, 3))}, "b": jnp.zeros(2)}


@pytest.mark.parametrize(
  ("params", "message"),
  [
    ({"b": jnp.zeros(2)}, "the checkpoint has no parameter a/w"),
    (LIKE | {"c": jnp.zeros(1)}, "the configuration has no parameter c"),
    (LIKE | {"b": jnp.zeros(3)}, r"has b of \(3,\), its configuration of"),
    (LIKE | {"b": jnp.array([0, jnp.nan])}, "b holds NaN or infinity"),
  ],
)
def test_parameters_of_another_generator_are_refused(params, message):
  check_params(LIKE, LIKE)
  with pytest.raises(ValueError, match=message):
    check_params(params, LIKE)


def test_a_stage_that_is_not_finished_has_those_of_its_last_whole_step(
  tmp_path,
):
  checkpoints = Checkpoints(tmp_path / "checkpoints")
  batches = iter(grain.MapDataset.range(4).to_iter_dataset())
  for step in (1, 2):
    checkpoints.save(step, {"params": {"w": jnp.full(4, step)}}, batches)
  checkpoints.close()
  assert read_params(tmp_path)["w"].tolist() == [2] * 4
  places = sorted(tmp_path.glob("checkpoints/*/batches/place.json"))
  places[1].write_text("{}")
  assert read_params(tmp_path)["w"].tolist() == [1] * 4
  places[0].write_text("{}")
  with pytest.raises(ValueError, match="no whole checkpoint in"):
    read_params(tmp_path)


def test_a_stage_without_parameters_is_named(tmp_path):
  with pytest.raises(FileNotFoundError, match=r"there is no folder .*check"):
    read_params(tmp_path)
