"""What JAX has without a public name is there, or one line says that not."""

import jax
import pytest
from jax._src import clusters, distributed

from gr_jax.parallel import private_jax


def test_clusters_have_what_their_detection_reads():
  kinds = private_jax.cluster_types()
  assert {"slurm", "ompi", "gketpu", "gcetpu"} <= {kind.name for kind in kinds}
  for kind in kinds:
    assert callable(kind.is_env_present)
    assert callable(kind.get_process_count)
    assert callable(kind.get_process_id)


@pytest.mark.parametrize(
  ("module", "name", "call"),
  [
    (clusters, "ClusterEnv", private_jax.cluster_types),
    (distributed, "global_state", private_jax.client),
  ],
)
def test_a_part_that_is_missing_is_named_with_the_version(
  monkeypatch, module, name, call
):
  monkeypatch.delattr(module, name)
  with pytest.raises(private_jax.MissingInJax, match=f"jax {jax.__version__}"):
    call()


@pytest.mark.parametrize("call", [private_jax.client, private_jax.coordinator])
def test_hosts_that_are_not_joined_have_no_store(call):
  with pytest.raises(RuntimeError, match="call start"):
    call()


def test_a_trace_is_known_by_the_modules_of_its_stack():
  found = []

  @jax.jit
  def traced(x):
    import sys

    frame = sys._getframe()
    while frame is not None:
      found.append(str(frame.f_globals.get("__name__")))
      frame = frame.f_back
    return x

  traced(1.0)
  assert any(map(private_jax.compiles, found))
  assert not private_jax.compiles("gr_jax.training.loop")
  assert not private_jax.compiles("jax.numpy")
