"""A process starts with its settings before JAX does."""

import os

import jax
import pytest

from gr_jax.parallel import private_jax
from gr_jax.parallel import start as starting

SLURM = {
  "SLURM_JOB_ID": "7",
  "SLURM_STEP_NODELIST": "node[3-6]",
  "SLURM_NTASKS": "4",
  "SLURM_PROCID": "2",
  "SLURM_LOCALID": "0",
}
OPEN_MPI = {
  "OMPI_MCA_orte_hnp_uri": "1531576320.0;tcp://10.96.0.1:34911",
  "OMPI_COMM_WORLD_SIZE": "4",
  "OMPI_COMM_WORLD_RANK": "2",
  "OMPI_COMM_WORLD_LOCAL_RANK": "0",
}
POD = {
  "TPU_WORKER_HOSTNAMES": "a,b",
  "TPU_WORKER_ID": "0",
  "MEGASCALE_NUM_SLICES": "2",
  "MEGASCALE_SLICE_ID": "1",
}
VARIABLES = {
  starting.ADDRESS: "localhost:1234",
  starting.COUNT: "4",
  starting.HOST: "2",
}


HEARTBEAT = {"heartbeat_timeout_seconds": starting.HEARTBEAT}


@pytest.fixture
def calls(monkeypatch):
  made = []
  monkeypatch.setattr(starting, "keep_freed_memory", lambda: True)
  monkeypatch.setattr(
    jax.distributed, "initialize", lambda **options: made.append(options)
  )
  for name in (*VARIABLES, *SLURM, *OPEN_MPI, *POD):
    monkeypatch.delenv(name, raising=False)
  before = jax.config.jax_enable_preemption_service
  yield made
  jax.config.update("jax_enable_preemption_service", before)


def announce(monkeypatch, variables):
  for name, value in variables.items():
    monkeypatch.setenv(name, value)


def on_a_tpu(monkeypatch):
  """As JAX finds itself on a virtual machine of Cloud TPU."""
  from jax._src.clusters import cloud_tpu_cluster

  monkeypatch.setattr(cloud_tpu_cluster, "running_in_cloud_tpu_vm", True)
  monkeypatch.setenv("TPU_SKIP_MDS_QUERY", "1")


def test_one_machine_starts_alone(calls):
  starting.start()
  assert calls == []


def test_announced_hosts_are_joined(calls, monkeypatch, capsys):
  announce(monkeypatch, VARIABLES)
  starting.start()
  assert calls == [
    {
      "coordinator_address": "localhost:1234",
      "num_processes": 4,
      "process_id": 2,
    }
    | HEARTBEAT
  ]
  # SIGTERM is not JAX's to take; and only the first host says how many.
  assert not jax.config.jax_enable_preemption_service
  assert capsys.readouterr().err == ""
  monkeypatch.setenv(starting.HOST, "0")
  starting.start()
  assert capsys.readouterr().err.startswith("hosts: 4, announced by JAX_")


@pytest.mark.parametrize(
  ("variables", "name"),
  [(SLURM, "slurm"), (OPEN_MPI, "ompi"), (POD, "gketpu")],
)
def test_a_cluster_that_jax_detects_is_joined(
  calls, monkeypatch, variables, name
):
  announce(monkeypatch, variables)
  if variables is POD:
    on_a_tpu(monkeypatch)
  found = starting.announced()
  assert found is not None
  assert (found.host, found.count, found.by) == (2, 4, name)
  starting.start()
  assert calls == [{"cluster_detection_method": name} | HEARTBEAT]


@pytest.mark.parametrize(
  "variables",
  [
    SLURM | {"SLURM_NTASKS": "1", "SLURM_PROCID": "0"},
    SLURM | {starting.COUNT: "1"},
    # A job's shell has its variables, but is no step of it.
    {k: v for k, v in SLURM.items() if k != "SLURM_STEP_NODELIST"},
    # A notebook in a container.
    {"KUBERNETES_SERVICE_HOST": "10.0.0.1"},
  ],
)
def test_one_process_inside_a_cluster_is_alone(calls, monkeypatch, variables):
  announce(monkeypatch, variables)
  starting.start()
  assert calls == []


def test_variables_come_before_a_cluster(calls, monkeypatch):
  announce(monkeypatch, SLURM | VARIABLES)
  starting.start()
  assert calls[0]["coordinator_address"] == "localhost:1234"


@pytest.mark.parametrize("missing", VARIABLES)
def test_what_is_announced_by_half_is_one_line(calls, monkeypatch, missing):
  announce(monkeypatch, {k: v for k, v in VARIABLES.items() if k != missing})
  with pytest.raises(ValueError, match=f"and {missing} is not") as error:
    starting.start()
  assert "\n" not in str(error.value)
  assert calls == []


@pytest.mark.parametrize(
  ("key", "value", "message"),
  [
    (starting.COUNT, "two", "JAX_NUM_PROCESSES=two: not a whole number"),
    (starting.HOST, "-1", "JAX_PROCESS_ID=-1: not a whole number"),
    (starting.HOST, "4", "numbered from 0 to 3"),
    (starting.ADDRESS, "node1", "has no port: .* e.g. node1:8476"),
  ],
)
def test_a_wrong_value_is_named(key, value, message):
  with pytest.raises(ValueError, match=message):
    starting.announced(VARIABLES | {key: value})


def test_a_version_of_jax_without_its_clusters_is_named(monkeypatch):
  from jax._src import clusters

  monkeypatch.delattr(clusters.ClusterEnv, "_cluster_types")
  with pytest.raises(private_jax.MissingInJax, match="has no list of clusters"):
    starting.announced({})


def unoptimized():
  return jax.config.values["jax_disable_most_optimizations"]


def test_programs_are_compiled_in_haste_inside_only():
  before = unoptimized()
  with starting.compiling(optimize=False):
    assert unoptimized()
  assert unoptimized() == before

  def fail():
    with starting.compiling(optimize=False):
      raise ZeroDivisionError

  with pytest.raises(ZeroDivisionError):
    fail()
  assert unoptimized() == before


@pytest.mark.parametrize(
  ("version", "flags"),
  [("0.10.2", f"{starting._PLAIN_LOOPS} --mine"), ("0.11.0", "--mine")],
)
def test_flags_of_a_user_stand_behind_ours(monkeypatch, version, flags):
  monkeypatch.setattr(starting.jax, "__version__", version)
  monkeypatch.setenv("XLA_FLAGS", "--mine")
  with starting.compiling(optimize=True):
    assert os.environ["XLA_FLAGS"] == "--mine"
  with starting.compiling(optimize=False):
    assert os.environ["XLA_FLAGS"] == flags


def test_a_user_who_wants_no_optimizations_has_none():
  with (
    starting.compiling(optimize=False),
    starting.compiling(optimize=True),
  ):
    assert unoptimized()


def test_a_user_without_a_home_starts_without_a_cache(monkeypatch, calls):
  def unknown():
    raise RuntimeError("Could not determine home directory.")

  monkeypatch.setattr(starting.pathlib.Path, "home", unknown)
  before = jax.config.values["jax_compilation_cache_dir"]
  jax.config.update("jax_compilation_cache_dir", None)
  try:
    starting.start()
    assert jax.config.values["jax_compilation_cache_dir"] is None
  finally:
    jax.config.update("jax_compilation_cache_dir", before)
