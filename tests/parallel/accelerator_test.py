import jax
import pytest

from gr_jax.parallel import accelerator
from gr_jax.parallel.accelerator import GPU, TPU, announced, check


def on_the_bus(root, vendor, chip):
  """A device of the bus, as Linux shows it."""
  folder = root / "sys/bus/pci/devices/0000:00:04.0"
  folder.mkdir(parents=True)
  (folder / "vendor").write_text(f"{vendor}\n")
  (folder / "device").write_text(f"{chip}\n")
  return root


def test_nothing_is_announced_by_a_machine_that_has_nothing(tmp_path):
  assert announced({}, tmp_path) is None
  assert announced({"TPU_NAME": ""}, tmp_path) is None


@pytest.mark.parametrize("name", accelerator._TPU_VARIABLES)
def test_hosts_of_tpus_set_variables(name, tmp_path):
  assert announced({name: "local"}, tmp_path) == TPU


def test_a_chip_on_the_bus_is_a_tpu_and_a_network_card_is_none(tmp_path):
  v5e = on_the_bus(tmp_path / "v5e", "0x1ae0", "0x0063")
  assert announced({}, v5e) == TPU
  card = on_the_bus(tmp_path / "card", "0x1ae0", "0x0042")
  assert announced({}, card) is None


def test_a_device_file_of_nvidia_is_a_gpu(tmp_path):
  (tmp_path / "dev").mkdir()
  (tmp_path / "dev/nvidia0").touch()
  assert announced({}, tmp_path) == GPU


def test_the_cpu_in_place_of_what_is_announced_is_refused(tmp_path):
  assert jax.default_backend() == "cpu"
  assert check({}, tmp_path) == "cpu"
  with pytest.raises(RuntimeError, match=r"TPU.*CPU.*gr_jax\[tpu\]"):
    check({"TPU_NAME": "local"}, tmp_path)


def test_a_cpu_that_was_asked_for_is_taken(tmp_path):
  variables = {"TPU_NAME": "local", "JAX_PLATFORMS": "cpu"}
  assert check(variables, tmp_path) == "cpu"


def test_the_accelerator_that_is_announced_is_taken(tmp_path, monkeypatch):
  monkeypatch.setattr(jax, "default_backend", lambda: "tpu")
  assert check({"TPU_NAME": "local"}, tmp_path) == "tpu"
