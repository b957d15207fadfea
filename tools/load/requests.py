"""What is asked, of which server, and the status that comes back."""

import asyncio
import ipaddress
import json
import pathlib
import urllib.parse


async def ask(url: urllib.parse.SplitResult, path: str, body: bytes) -> int:
  """The status of one POST on a connection of its own; 0 without an answer."""
  head = (
    f"POST {path} HTTP/1.1\r\nHost: {url.netloc}\r\nConnection: close\r\n"
    f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
  )
  try:
    reader, writer = await asyncio.open_connection(url.hostname, url.port)
    try:
      writer.write(head.encode() + body)
      found = await reader.read()
    finally:
      writer.close()
    return int(found.split(b" ", 2)[1])
  except (OSError, IndexError, ValueError):
    return 0


def read_bodies(path: pathlib.Path | None) -> list[tuple[str, bytes]]:
  """Requests of a file of JSON lines; without one, a few of our own.

  Raises:
    ValueError: a line that is no JSON object, or no line at all.
  """
  if path is None:
    words = ("milk", "bread", "cheese", "apples", "coffee", "cup", "chicken")
    found = [{"query": word} for word in words]
  else:
    lines = path.read_text().splitlines()
    found = [json.loads(line) for line in lines if line.strip()]
  if not found or not all(isinstance(each, dict) for each in found):
    raise ValueError(f"{path}: needs a JSON object on every line.")
  return [
    ("/search" if "query" in each else "/recommend", json.dumps(each).encode())
    for each in found
  ]


def local(text: str) -> urllib.parse.SplitResult:
  """The address of a server of this machine.

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
