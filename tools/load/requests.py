"""Requests to a server, and the status that comes back."""

import asyncio
import ipaddress
import json
import pathlib
import re
import urllib.parse
from typing import Any


class Connections:
  """Connections to one server, each used again while it is idle.

  As clients and proxies do: what a connection costs is not what is measured,
  and on one machine it is the server's processor that pays for it.

  Args:
    url: the address of the server.
  """

  def __init__(self, url: urllib.parse.SplitResult):
    self._url = url
    self._idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

  async def post(self, path: str, body: bytes) -> int:
    """Returns the status of one POST; 0 without an answer."""
    return (await self._post(path, body))[0]

  async def ask(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
    """Returns the object that answers one POST.

    Raises:
      ValueError: there is no answer, or a refusal.
    """
    status, answer = await self._post(path, json.dumps(body).encode())
    if status != 200:
      raise ValueError(f"{path} was answered with {status}: {answer!r}")
    return json.loads(answer)

  async def _post(self, path: str, body: bytes) -> tuple[int, bytes]:
    """The status and the body of an answer; 0 without one."""
    head = (
      f"POST {path} HTTP/1.1\r\nHost: {self._url.netloc}\r\n"
      f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    connection = None
    try:
      connection = await self._connection()
      reader, writer = connection
      writer.write(head.encode() + body)
      answer = await _read(reader)
      self._idle.append(connection)
      connection = None
      return answer
    except (OSError, EOFError, IndexError, ValueError):
      return 0, b""
    finally:
      if connection is not None:  # Cut off in the middle of an answer.
        connection[1].close()

  async def _connection(self):
    while self._idle:
      connection = self._idle.pop()
      if not connection[0].at_eof():
        return connection
      connection[1].close()
    return await asyncio.open_connection(self._url.hostname, self._url.port)

  def close(self) -> None:
    """Closes what is idle."""
    while self._idle:
      self._idle.pop()[1].close()


async def _read(reader: asyncio.StreamReader) -> tuple[int, bytes]:
  """The status and the body of an answer."""
  head = await reader.readuntil(b"\r\n\r\n")
  found = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
  body = await reader.readexactly(int(found[1]) if found else 0)
  return int(head.split(b" ", 2)[1]), body


def read_objects(path: pathlib.Path) -> list[dict]:
  """Reads a file with a JSON object on every line.

  Raises:
    ValueError: a line that is no JSON object, or no line at all.
  """
  lines = path.read_text().splitlines()
  found = [json.loads(line) for line in lines if line.strip()]
  if not found or not all(isinstance(each, dict) for each in found):
    raise ValueError(f"{path}: needs a JSON object on every line.")
  return found


def read_bodies(path: pathlib.Path | None) -> list[tuple[str, bytes]]:
  """Reads requests from a file of JSON lines; without one, makes a few."""
  words = ("milk", "bread", "cheese", "apples", "coffee", "cup", "chicken")
  found = read_objects(path) if path else [{"query": word} for word in words]
  return [
    ("/search" if "query" in each else "/recommend", json.dumps(each).encode())
    for each in found
  ]


def local(text: str) -> urllib.parse.SplitResult:
  """Returns the address of a server of this machine.

  Raises:
    ValueError: any other.
  """
  url = urllib.parse.urlsplit(text)
  host = "127.0.0.1" if url.hostname == "localhost" else url.hostname or ""
  try:
    fine = ipaddress.ip_address(host).is_loopback and url.port
  except ValueError:
    fine = False
  if url.scheme != "http" or not fine:
    raise ValueError(
      f"--url={text}: only http://127.0.0.1:PORT or the like; this tool is "
      "for servers of your own machine."
    )
  return url
