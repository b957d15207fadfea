"""A server is asked once it can answer, and its refusal is one line."""

import http.server
import json
import threading
from collections.abc import Iterator
from unittest import mock

import pytest

from experiments.updates import tell

BUSY = 503, {"error": "a reload is under way."}
DONE = 200, {"version": 2, "model": "0002"}


class Server(http.server.ThreadingHTTPServer):
  """Gives its answers in turn and keeps what it was asked."""

  def __init__(self, *answers):
    self.answers, self.asked = list(answers), []
    super().__init__(("127.0.0.1", 0), _Handler)

  @property
  def address(self) -> str:
    return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(http.server.BaseHTTPRequestHandler):
  server: Server

  def do_POST(self):
    self.server.asked.append((self.path, self.headers["authorization"]))
    status, body = self.server.answers.pop(0)
    self.send_response(status)
    self.end_headers()
    self.wfile.write(json.dumps(body).encode())

  def log_message(self, format, *args):
    pass


@pytest.fixture
def serve() -> Iterator:
  opened = []

  def make(*answers) -> Server:
    opened.append(Server(*answers))
    threading.Thread(target=opened[-1].serve_forever, daemon=True).start()
    return opened[-1]

  with mock.patch.object(tell, "_WAIT", 0.001):
    yield make
  for server in opened:
    server.shutdown()
    server.server_close()


def test_a_busy_server_is_asked_again(serve):
  server = serve(BUSY, BUSY, DONE)
  tell.reload(server.address + "/", "s3cret", "0002")
  assert server.asked == [("/admin/reload", "Bearer s3cret")] * 3


def test_a_refusal_is_said_in_the_server_s_words(serve):
  server = serve((409, {"error": "not reloaded: no such file."}))
  with pytest.raises(tell.NotSwitched, match="switch: not reloaded: no such"):
    tell.reload(server.address, "", "0002")
  assert len(server.asked) == 1
  other = serve((500, ["?"]))
  with pytest.raises(tell.NotSwitched, match="status 500"):
    tell.reload(other.address, "", "0002")


def test_a_server_of_another_run_has_not_switched(serve):
  server = serve(DONE, (200, {"version": 2}), (200, ["?"]))
  with pytest.raises(tell.WrongServer, match="serves 0002, not 0003: start it"):
    tell.reload(server.address, "", "0003")
  tell.reload(server.address, "", "0003")
  with pytest.raises(tell.NotSwitched, match="is no server of gr_jax"):
    tell.reload(server.address, "", "0003")


def test_a_refused_token_says_nothing_of_the_version(serve):
  server = serve((403, {"error": "no"}), (409, {"error": "no"}))
  with pytest.raises(tell.WrongServer):
    tell.reload(server.address, "", "0002")
  with pytest.raises(tell.NotSwitched) as refusal:
    tell.reload(server.address, "", "0002")
  assert not isinstance(refusal.value, tell.WrongServer)


def test_nobody_there_and_always_busy_are_told_apart_from_a_refusal(serve):
  with pytest.raises(tell.NotReached, match="did not answer"):
    tell.reload("http://127.0.0.1:1", "", "0002")
  server = serve(*[BUSY] * 20)
  with pytest.raises(tell.NotReached, match="was busy 20 times"):
    tell.reload(server.address, "", "0002")
