"""A page names every operation as one can call it, and quotes what it shows."""

import hashlib
import json
import re
import shlex
from base64 import b64encode

from pydantic import BaseModel

from gr_jax.serving.http.docs import HEADERS, docs_page
from gr_jax.serving.http.openapi import Operation, openapi


class Words(BaseModel):
  """Some <b>words</b>."""

  text: str
  many: list[int] = []


def page() -> str:
  return docs_page(
    openapi(
      [
        Operation(
          "/say/{item_id:path}",
          lambda request: request,
          "Says <i>it</i>.",
          name="say",
          method="PUT",
          body=Words,
          answer=Words,
          example={"text": "it's <b>"},
        ),
        Operation(
          "/find",
          lambda request: request,
          "Finds.",
          name="find",
          tag="search",
          parameters=Words,
          example={"text": "a&b c"},
        ),
        Operation("/hidden", lambda request: request),
      ]
    )
  ).decode()


def test_what_a_page_shows_is_quoted():
  text = page()
  assert "Says &lt;i&gt;it&lt;/i&gt;." in text
  assert "Some &lt;b&gt;words&lt;/b&gt;." in text
  assert "/hidden" not in text


def test_its_commands_are_words_of_a_shell():
  (put, find) = re.findall(r"<pre>(.*?)</pre>", page(), re.DOTALL)
  unquoted = put.replace("&#39;", "'").replace("&#34;", '"')
  words = shlex.split(unquoted.replace("&lt;", "<").replace("&gt;", ">"))
  assert words[:4] == ["curl", "-X", "PUT", "http://localhost:8000/say/A1"]
  assert json.loads(words[-1]) == {"text": "it's <b>"}
  assert find == "curl &#39;http://localhost:8000/find?text=a%26b+c&#39;"


def test_its_style_is_all_that_its_policy_lets_in():
  (style,) = re.findall(r"<style>(.*?)</style>", page(), re.DOTALL)
  digest = b64encode(hashlib.sha256(style.encode()).digest()).decode()
  policy = HEADERS["Content-Security-Policy"]
  assert f"style-src 'sha256-{digest}'" in policy
  assert policy.startswith("default-src 'none'")
