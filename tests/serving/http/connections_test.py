"""Silence is closed, a slow answer is not, and there is an end to all."""

import asyncio
import contextlib
import time

import pytest
import uvicorn

from gr_jax.serving import listening
from gr_jax.serving.http import connections
from gr_jax.serving.http.connections import bounded_protocol

ASK = b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n"
OK = b"HTTP/1.1 200 OK"
HEADERS, IDLE = 0.3, 0.3  # Seconds.


async def application(scope, receive, send):
  """Answers after so many tenths of a second as the path says."""
  await asyncio.sleep(float("0" + scope["path"].lstrip("/")) / 10)
  body = scope["path"].encode()
  length = (b"content-length", b"%d" % len(body))
  start = {"type": "http.response.start", "status": 200, "headers": [length]}
  await send(start)
  await send({"type": "http.response.body", "body": body})


@contextlib.asynccontextmanager
async def serving(*, most: int = 100):
  """The port of a server."""
  with listening.bound("127.0.0.1", 0) as taken:
    http = uvicorn.Server(
      uvicorn.Config(
        application,
        http=bounded_protocol(
          header_timeout=HEADERS, keep_alive=IDLE, most=most
        ),
        ws="none",
        lifespan="off",
        log_level="error",
        timeout_keep_alive=1,
      )
    )
    port = taken.getsockname()[1]
    task = asyncio.create_task(http.serve(sockets=[taken]))
    while not http.started:
      await asyncio.sleep(0.01)
    try:
      yield port
    finally:
      http.should_exit = True
      await task


async def closed_after(port: int, *parts: bytes, every: float = 0.0):
  """What came until the server closed, and the seconds that it took."""
  reader, writer = await asyncio.open_connection("127.0.0.1", port)
  begun = time.monotonic()

  async def send():
    with contextlib.suppress(ConnectionError):
      for part in parts:
        writer.write(part)
        await writer.drain()
        await asyncio.sleep(every)

  sending = asyncio.create_task(send())
  found = await asyncio.wait_for(reader.read(), 20)
  sending.cancel()
  writer.close()
  return found, time.monotonic() - begun


def test_who_sends_no_whole_request_is_closed():
  async def ask():
    async with serving() as port:
      drops = (ASK[i : i + 1] for i in range(30))
      return await asyncio.gather(
        closed_after(port),
        closed_after(port, ASK[:20]),
        closed_after(port, *drops, every=0.05),
        closed_after(port, ASK, ASK[:5], every=0.1),
      )

  silent, half, dripping, second = asyncio.run(ask())
  for answer, seconds in (silent, half, dripping):
    assert not answer
    assert HEADERS - 0.05 <= seconds < 10
  assert second[0].startswith(OK)
  assert second[1] >= HEADERS + IDLE - 0.05


def test_a_request_that_came_in_time_is_answered_however_late():
  late = ASK.replace(b"/ ", b"/8 ")

  async def ask():
    async with serving() as port:
      return await asyncio.gather(
        closed_after(port, late),
        closed_after(port, ASK[:10], ASK[10:], every=0.1),
        closed_after(port, late + ASK * 3),
      )

  for (answer, _), count in zip(asyncio.run(ask()), (1, 1, 4)):
    assert answer.count(OK) == count


def test_connections_have_an_end(monkeypatch):
  async def ask():
    async with serving(most=3) as port:
      held = [closed_after(port) for _ in range(3)]
      tasks = [asyncio.create_task(each) for each in held]
      await asyncio.sleep(0.1)
      refused = await closed_after(port)
      await asyncio.gather(*tasks)
      return refused, await closed_after(port, ASK)

  (refused, seconds), (later, _) = asyncio.run(ask())
  assert refused.startswith(b"HTTP/1.1 503 ")
  assert b"retry-after: 1\r\n" in refused
  assert seconds < HEADERS
  assert later.startswith(OK)
  monkeypatch.setattr(connections, "_open_files", lambda: 102)
  again = asyncio.run(many_at_once())
  assert sorted(answer[9:12] for answer, _ in again) == [b""] * 2 + [b"503"] * 2


async def many_at_once():
  async with serving() as port:
    return await asyncio.gather(*(closed_after(port) for _ in range(4)))


@pytest.mark.parametrize("most", [1])
def test_one_connection_is_always_possible(monkeypatch, most):
  monkeypatch.setattr(connections, "_open_files", lambda: 10)

  async def ask():
    async with serving(most=most) as port:
      return await closed_after(port, ASK)

  assert asyncio.run(ask())[0].startswith(OK)
