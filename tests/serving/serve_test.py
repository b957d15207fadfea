"""The log stands beside a run, and what fails in the warm-up is raised."""

import jax
import pytest

from gr_jax.parallel.mesh import MeshConfig
from gr_jax.serving import serve


def test_the_log_outlives_the_folder_of_the_run(tmp_path):
  assert serve._log_beside(tmp_path / "run") == tmp_path / "run.items.log"
  assert serve._log_beside(tmp_path / "a.b") == tmp_path / "a.b.items.log"


def test_compiled_searches_lie_in_the_cache_of_jax(tmp_path):
  before = jax.config.values["jax_compilation_cache_dir"]
  try:
    jax.config.update("jax_compilation_cache_dir", str(tmp_path))
    assert serve._programs() == tmp_path / "searches"
    jax.config.update("jax_compilation_cache_dir", None)
    assert serve._programs() is None
  finally:
    jax.config.update("jax_compilation_cache_dir", before)


def test_a_run_that_is_not_there_is_refused_before_anything_listens(
  monkeypatch, tmp_path
):
  monkeypatch.setattr(serve.start, "start", lambda: None)
  with pytest.raises(FileNotFoundError, match="none"):
    serve.serve(tmp_path / "none", port=0)


def test_what_fails_in_the_warm_up_ends_the_server_and_is_raised(
  monkeypatch, tmp_path, capsys
):
  class Service:
    quantized = ()

    def __init__(self, config):
      assert config.log == tmp_path.parent / f"{tmp_path.name}.items.log"
      assert (config.beams, config.max_batch, config.room) == ((8,), 2, 5)
      assert config.mesh == MeshConfig(model=2)

  class Server:
    def __init__(self, service, limits, *, on_ready, on_failure, on_loaded):
      self.app = on_failure

  class Http:
    def __init__(self, config):
      self.failed, self.should_exit = config, False

    def run(self):
      self.failed(ValueError("no room"))
      assert self.should_exit

  monkeypatch.setattr(serve, "Service", Service)
  monkeypatch.setattr(serve, "Server", Server)
  monkeypatch.setattr(serve.uvicorn, "Server", Http)
  # The real one takes over the handlers of logging.
  monkeypatch.setattr(serve.uvicorn, "Config", lambda app, **options: app)
  monkeypatch.setattr(serve.start, "start", lambda: None)
  with pytest.raises(ValueError, match="no room"):
    serve.serve(
      tmp_path, beams=(8,), max_batch=2, room=5, mesh=MeshConfig(model=2)
    )
  assert "is loaded; warming up" in capsys.readouterr().err
