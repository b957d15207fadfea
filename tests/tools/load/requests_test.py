import json

import pytest

from tools.load.requests import local, read_bodies


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
def test_this_machine_may_be_asked(url):
  assert local(url).port


@pytest.mark.parametrize(
  "url", ["http://10.0.0.1:80", "https://127.0.0.1:1", "http://127.0.0.1"]
)
def test_no_other_machine_may_be_asked(url):
  with pytest.raises(ValueError, match="only http"):
    local(url)
