"""A server of this machine is measured; anything else is one line."""

import importlib.util
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

TOOL = Path(__file__).parents[2] / "tools" / "load_test.py"


@pytest.fixture(scope="module")
def tool():
  spec = importlib.util.spec_from_file_location("load_test", TOOL)
  module = importlib.util.module_from_spec(spec)
  spec.loader.exec_module(module)
  return module


class Handler(BaseHTTPRequestHandler):
  """Every third request is refused."""

  requests = 0

  def do_POST(self):
    Handler.requests += 1
    self.rfile.read(int(self.headers["content-length"]))
    self.send_response(429 if Handler.requests % 3 == 0 else 200)
    self.end_headers()

  def log_message(self, *arguments):
    pass


@pytest.fixture
def server():
  Handler.requests = 0
  found = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
  thread = threading.Thread(target=found.serve_forever)
  thread.start()
  yield f"http://127.0.0.1:{found.server_port}"
  found.shutdown()
  thread.join()
  found.server_close()


def test_a_server_is_measured_and_drawn(tool, server, tmp_path, capsys):
  output = tmp_path / "load.svg"
  flags = [f"--url={server}", "--rates=40,80", "--seconds=0.5"]
  assert tool.main([*flags, f"--output={output}"]) == 0
  table = capsys.readouterr().out.splitlines()
  assert len(table) == 4
  assert table[0].split(" | ")[0] == "| offered/s"
  refused = float(table[3].split(" | ")[5].strip().rstrip("%"))
  assert 20 < refused < 45
  assert output.read_text().startswith(("<svg", "<?xml"))


@pytest.mark.parametrize(
  ("flags", "said"),
  [
    (["--url=http://example.com:80"], "only http://127.0.0.1:PORT"),
    (["--url=https://127.0.0.1:1"], "only http://127.0.0.1:PORT"),
    (["--rates=0,1"], "must be positive"),
    (["--rates=1000000"], "at most 1000000"),
    (["--url=http://127.0.0.1:1"], "the first request with 0"),
  ],
)
def test_what_cannot_be_measured_is_one_line(tool, capsys, flags, said):
  assert tool.main(flags) == 1
  error = capsys.readouterr().err
  assert error.startswith("error: ")
  assert said in error
