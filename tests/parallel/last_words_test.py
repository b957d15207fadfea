"""A process that aborts says why, if it knows."""

import signal
import socket
import subprocess
import sys

import pytest

from gr_jax.parallel import last_words


@pytest.mark.parametrize(
  ("words", "code", "printed"),
  [
    ("('error: host 0 is lost', 75)", 75, "\nerror: host 0 is lost\n"),
    ("None", -signal.SIGABRT, ""),
    ("1 / 0", -signal.SIGABRT, ""),
  ],
)
def test_an_abort_of_any_thread_ends_with_its_words(words, code, printed):
  program = f"""
import ctypes, threading, time
from gr_jax.parallel import last_words
last_words.on_abort(lambda: {words})
threading.Thread(target=ctypes.CDLL(None).abort).start()
time.sleep(60)
"""
  done = subprocess.run(
    [sys.executable, "-c", program], capture_output=True, text=True, check=False
  )
  assert (done.returncode, done.stderr) == (code, printed)


def test_a_port_answers_while_somebody_listens():
  with socket.create_server(("localhost", 0)) as server:
    address = f"localhost:{server.getsockname()[1]}"
    assert last_words.answers(address)
  assert not last_words.answers(address)
