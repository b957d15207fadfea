"""The server as a process: it survives what processes suffer."""

import asyncio
import contextlib
import json
import os
import random
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request

import pytest

from gr_jax.serving.__main__ import main
from tests.reference.small_run import ENVIRONMENT, ROOT
from tools.load.freshness import freshness
from tools.load.requests import Connections, local

FLAGS = ("--port=0", "--beam=8", "--max-batch=1", "--room=500")


@contextlib.contextmanager
def serving(run, log, *flags):
  """A ready server: `(process, url)`."""
  process = subprocess.Popen(
    [
      *(sys.executable, "-m", "gr_jax.serving"),
      *(f"--artefacts={run}", f"--log={log}", *FLAGS, *flags),
    ],
    cwd=ROOT,
    env=os.environ | ENVIRONMENT,
    stderr=subprocess.PIPE,
    text=True,
  )
  lines = []
  try:
    for line in process.stderr:
      lines.append(line)
      if "ready on " in line:
        break
    assert "ready on " in lines[-1], lines
    yield process, lines[-1].split()[3]
  finally:
    process.kill()
    process.communicate()


def call(url: str, path: str, body=None):
  request = urllib.request.Request(
    url + path,
    None if body is None else json.dumps(body).encode(),
    {"content-type": "application/json"},
  )
  with urllib.request.urlopen(request, timeout=30) as response:
    return json.loads(response.read())


def test_what_was_acknowledged_survives_a_kill_and_a_torn_record(run, tmp_path):
  log = tmp_path / "items.log"
  acknowledged = {}
  with serving(run, log) as (process, url):
    timer = threading.Timer(1.0, process.kill)

    def add() -> None:
      for n in range(400):
        body = {"add": [{"id": f"N{n}", "text": f"red cup {n}"}]}
        for item in call(url, "/items", body)["items"]:
          acknowledged[item["id"]] = item
        if n == 3:
          timer.start()

    with pytest.raises(OSError):  # noqa: PT011
      add()
    timer.join()
  assert len(acknowledged) > 3
  with log.open("ab") as file:
    file.write(b"00000000 {torn")
  with serving(run, log) as (process, url):
    for item_id, item in acknowledged.items():
      found = call(url, f"/items/{item_id}")
      assert item == item | found
      assert found.keys() | {"category", "category_share"} == item.keys()
    # SIGTERM: what was accepted is answered, and the exit is in order.
    assert len(call(url, "/search", {"query": "cup"})["items"]) == 8
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 0


@pytest.mark.slow
def test_two_hundred_changes_a_second_are_obeyed_by_the_next_request(
  run, tmp_path
):
  """The time is that of a quiet machine."""
  with serving(run, tmp_path / "items.log") as (_, url):
    time.sleep(20)  # What the page needs is compiled behind the start.
    before = programs(url)
    found = asyncio.run(measured_freshness(url))
    assert programs(url) == before
  assert found.disobeyed == []
  assert len(found.obeyed) > 20
  assert len(found.changes) == 1000 + len(found.obeyed)
  assert sorted(found.obeyed)[int(0.95 * len(found.obeyed))] <= 0.1


async def measured_freshness(url: str):
  connections = Connections(local(url))
  try:
    return await freshness(
      connections.ask,
      {"query": "cup", "k": 8},
      rate=200.0,
      seconds=5.0,
      rng=random.Random(0),
    )
  finally:
    connections.close()
    await asyncio.sleep(0.1)


def programs(url: str) -> str:
  """The line of the metrics that counts compiled searches."""
  with urllib.request.urlopen(f"{url}/metrics", timeout=30) as response:
    lines = response.read().decode().splitlines()
  (found,) = (line for line in lines if line.startswith("gr_jax_programs "))
  return found


@pytest.mark.slow
def test_three_hundred_slow_clients_are_closed_while_others_are_answered(
  run, tmp_path
):
  half = b"POST /search HTTP/1.1\r\nhost: localhost\r\n"
  whole = half + b"content-type: application/json\r\ncontent-length: 9\r\n\r\n{"
  parts = [half] * 150 + [b""] * 100 + [whole] * 50
  flags = ("--header-timeout=3", "--timeout=3", "--keep-alive=3")
  with serving(run, tmp_path / "items.log", *flags) as (process, url):
    port = int(url.rpartition(":")[2])
    clients = [socket.create_connection(("127.0.0.1", port)) for _ in parts]
    for client, part in zip(clients, parts):
      client.sendall(part)
    answered, answers = 0, []
    while clients:
      call(url, "/search", {"query": "cup"})
      answered += 1
      done = select.select(clients, [], [], 0.05)[0]
      for client in done:
        if data := client.recv(4096):
          answers.append(data)
        else:
          client.close()
          clients.remove(client)
    assert answered >= 10
    assert sum(b" 408 " in each for each in answers) == 50
    process.send_signal(signal.SIGINT)
    assert process.wait(30) == 0


# 413 is none of the statuses that it takes for a refusal by itself.
FUZZING = """
[checks.negative_data_rejection]
expected-statuses = [400, 401, 403, 404, 413, 415, 422, 429]
"""
CHECKS = (
  *("not_a_server_error", "status_code_conformance", "ignored_auth"),
  *("content_type_conformance", "response_schema_conformance"),
  *("negative_data_rejection", "unsupported_method"),
)


@pytest.mark.slow
def test_thousands_of_requests_made_from_the_description_are_no_error(
  run, tmp_path
):
  program = shutil.which("schemathesis")
  if program is None:
    pytest.skip("pip install '.[fuzz]' to fuzz the server")
  (tmp_path / "schemathesis.toml").write_text(FUZZING)
  (tmp_path / "token").write_text("s3cret")
  flags = f"--token-file={tmp_path / 'token'}", "--timeout=60"
  with serving(run, tmp_path / "items.log", *flags) as (_, url):
    done = subprocess.run(
      [
        *(
          program,
          "run",
          f"{url}/openapi.json",
          f"--checks={','.join(CHECKS)}",
        ),
        *("--header=Authorization: Bearer s3cret", "--max-examples=700"),
        *("--phases=examples,coverage,fuzzing", "--continue-on-failure"),
        *("--exclude-path=/admin/reload", "--suppress-health-check=all"),
      ],
      cwd=tmp_path,
      capture_output=True,
      text=True,
      check=False,
    )
  assert done.returncode == 0, done.stdout[-4000:]
  (count,) = re.findall(r"(\d+) generated", done.stdout)
  assert int(count) >= 7000


def test_a_run_that_is_not_there_is_one_line(tmp_path, capsys):
  assert main([f"--artefacts={tmp_path / 'none'}"]) == 1
  error = capsys.readouterr().err
  assert error.startswith("error: there is no folder ")
  assert error.count("\n") == 1


def test_help_names_every_flag(capsys):
  with pytest.raises(SystemExit):
    main(["--help"])
  text = capsys.readouterr().out
  for flag in (
    "--artefacts",
    "--beam",
    "--queue",
    "--token",
    "--log",
    "--insecure",
  ):
    assert flag in text
