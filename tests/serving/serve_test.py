"""The log stands beside a run, and what fails in the warm-up is raised."""

import signal

import jax
import pytest

from gr_jax.parallel.mesh import MeshConfig
from gr_jax.serving import listening, serve


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
  (tmp_path / "empty").mkdir()
  with pytest.raises(FileNotFoundError):
    serve.serve(tmp_path / "empty", port=0)
  assert [path.name for path in tmp_path.iterdir()] == ["empty"]


def test_a_log_that_was_there_stays(monkeypatch, tmp_path):
  monkeypatch.setattr(serve.start, "start", lambda: None)
  log = tmp_path / "items.log"
  log.touch()
  with pytest.raises(FileNotFoundError):
    serve.serve(tmp_path / "none", port=0, log=log)
  assert log.exists()


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_beyond_loopback_a_token_is_demanded_before_anything_is_loaded(
  monkeypatch, tmp_path, host
):
  monkeypatch.setattr(serve, "Service", None)
  with pytest.raises(ValueError, match="--insecure where") as caught:
    serve.serve(tmp_path, host=host, port=0)
  assert str(caught.value).count("\n") == 0
  monkeypatch.setattr(serve, "Service", lambda config: 1 // 0)
  monkeypatch.setattr(serve.start, "start", lambda: None)
  for allowed in (
    {"limits": serve.HttpConfig(token="s3cret")},
    {"insecure": True},
  ):
    with pytest.raises(ZeroDivisionError):
      serve.serve(tmp_path, host=host, port=0, **allowed)


def test_a_port_in_use_is_said_before_anything_is_loaded(monkeypatch, tmp_path):
  monkeypatch.setattr(serve, "Service", None)
  with listening.bound("127.0.0.1", 0) as taken:
    taken.listen()
    port = taken.getsockname()[1]
    with pytest.raises(OSError, match=f"port {port} .* is in use"):
      serve.serve(tmp_path, port=port)


def test_a_signal_that_stopped_the_server_does_not_end_the_process():
  before = signal.getsignal(signal.SIGTERM)
  with serve._ends_in_order():
    signal.raise_signal(signal.SIGTERM)
    signal.raise_signal(signal.SIGINT)
  assert signal.getsignal(signal.SIGTERM) is before


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

    def run(self, sockets):
      assert sockets[0].getsockname()[0] == "127.0.0.1"
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
      tmp_path,
      port=0,
      beams=(8,),
      max_batch=2,
      room=5,
      mesh=MeshConfig(model=2),
    )
  assert "is loaded; warming up" in capsys.readouterr().err
