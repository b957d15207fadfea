"""Offered load is what it says, and figures count what came in time."""

import asyncio
import importlib.util
import itertools
import math
import random
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

  asked = 0

  def do_POST(self):
    Handler.asked += 1
    self.rfile.read(int(self.headers["content-length"]))
    self.send_response(429 if Handler.asked % 3 == 0 else 200)
    self.end_headers()

  def log_message(self, *arguments):
    pass


@pytest.fixture
def server():
  Handler.asked = 0
  found = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
  thread = threading.Thread(target=found.serve_forever)
  thread.start()
  yield f"http://127.0.0.1:{found.server_port}"
  found.shutdown()
  thread.join()
  found.server_close()


def test_arrivals_are_a_poisson_process_of_the_rate(tool):
  moments = tool.arrivals(50.0, 400.0, random.Random(0))
  assert all(0 <= a < b < 400 for a, b in itertools.pairwise(moments))
  assert len(moments) == pytest.approx(20_000, rel=0.03)
  gaps = [b - a for a, b in itertools.pairwise(moments)]
  mean = sum(gaps) / len(gaps)
  deviation = math.sqrt(sum((gap - mean) ** 2 for gap in gaps) / len(gaps))
  assert deviation == pytest.approx(mean, rel=0.05)  # Of an exponential.


def test_figures_count_answers_in_time_only(tool):
  sent = [tool.Sent(200, n / 100) for n in range(1, 101)]
  sent += [tool.Sent(429, 0.001)] * 50 + [tool.Sent(0, 30.0)] * 50
  load = tool.Load(rate=20.0, seconds=10.0, sent=sent, within=0.25)
  assert load.goodput == 2.5
  assert load.percentile(50) == pytest.approx(500)
  assert load.percentile(99) == pytest.approx(990)
  assert tool.rows([load]) == [
    ("20", "2.5", "500", "950", "990", "25.0%", "25.0%")
  ]


def test_latency_counts_from_when_a_request_should_have_left(tool):
  """A server that answers one by one cannot hide that others wait."""

  async def slow(url, path, body):
    async with lock:
      await asyncio.sleep(0.05)
    return 200

  async def measure():
    return await tool.offer(
      None,
      [("/search", b"{}")],
      rate=100.0,
      seconds=0.3,
      within=1.0,
      timeout=10.0,
      rng=random.Random(0),
    )

  lock, tool.ask, ask = asyncio.Lock(), slow, tool.ask
  try:
    load = asyncio.run(measure())
  finally:
    tool.ask = ask
  assert load.percentile(99) > 1e3 * 0.05 * (len(load.sent) - 12)


def test_a_server_is_measured_and_drawn(tool, server, tmp_path, capsys):
  output = tmp_path / "load.svg"
  flags = [f"--url={server}", "--rates=40,80", "--seconds=0.5"]
  assert tool.main([*flags, f"--output={output}"]) == 0
  table = capsys.readouterr().out.splitlines()
  assert len(table) == 4
  assert table[0].split(" | ")[0] == "| offered/s"
  refused = float(table[3].split(" | ")[5].rstrip("%"))
  assert 20 < refused < 45
  assert output.read_text().startswith(("<svg", "<?xml"))


@pytest.mark.parametrize(
  ("flags", "said"),
  [
    (["--url=http://example.com:80"], "only http://127.0.0.1:PORT"),
    (["--url=https://127.0.0.1:1"], "only http://127.0.0.1:PORT"),
    (["--rates=0,1"], "must be positive"),
    (["--rates=1000000"], "at most 100000"),
    (["--url=http://127.0.0.1:1"], "the first request with 0"),
  ],
)
def test_what_cannot_be_measured_is_one_line(tool, capsys, flags, said):
  assert tool.main(flags) == 1
  error = capsys.readouterr().err
  assert error.startswith("error: ")
  assert said in error
