import asyncio
import json
import urllib.parse

import pytest

from tools.load.requests import Connections, local, read_bodies


def test_a_body_with_a_query_is_a_search(tmp_path):
  path = tmp_path / "bodies"
  path.write_text('{"query": "a"}\n\n{"history": ["B1"]}\n')
  found = [(where, json.loads(body)) for where, body in read_bodies(path)]
  assert found == [
    ("/search", {"query": "a"}),
    ("/recommend", {"history": ["B1"]}),
  ]
  assert {where for where, _ in read_bodies(None)} == {"/search"}


@pytest.mark.parametrize("text", ["", "[1]\n"])
def test_a_file_without_objects_is_refused(tmp_path, text):
  path = tmp_path / "bodies"
  path.write_text(text)
  with pytest.raises(ValueError, match="needs a JSON object"):
    read_bodies(path)


@pytest.mark.parametrize("url", ["http://[::1]:80", "http://localhost:8000"])
def test_this_machine_gets_requests(url):
  assert local(url).port


@pytest.mark.parametrize(
  "url", ["http://10.0.0.1:80", "https://127.0.0.1:1", "http://127.0.0.1"]
)
def test_no_other_machine_gets_requests(url):
  with pytest.raises(ValueError, match="only http"):
    local(url)


def test_a_connection_is_used_again_until_the_server_closes_it():
  opened = []

  async def serve(reader, writer):
    opened.append(None)
    for _ in range(2):
      await reader.readuntil(b"\r\n\r\n")
      await reader.readexactly(2)
      writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc")
    writer.close()

  async def talk():
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    url = urllib.parse.urlsplit(f"http://127.0.0.1:{port}")
    connections = Connections(url)
    statuses = []
    for _ in range(4):
      statuses.append(await connections.post("/search", b"{}"))
      await asyncio.sleep(0.05)
    connections.close()
    server.close()
    return statuses

  assert asyncio.run(talk()) == [200] * 4
  assert len(opened) == 2


def test_no_answer_is_status_0():
  url = urllib.parse.urlsplit("http://127.0.0.1:1")
  assert asyncio.run(Connections(url).post("/search", b"{}")) == 0
