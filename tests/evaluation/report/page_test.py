import html.parser
import re

import pytest
from markupsafe import Markup

from gr_jax.evaluation.report.page import (
  Cell,
  Figure,
  Row,
  Section,
  Table,
  Tile,
  page,
)

PICTURE = '<svg role="img" aria-label="a line"><path d="M 0 0"/></svg>'
SECTION = Section(
  "Pictures <made> & kept",
  warnings=["Mind & read."],
  tiles=[Tile("FID", "3.2", ["2.9 to 3.6", "<b>"])],
  figures=[Figure(PICTURE, "One & two.")],
  tables=[Table(["<steps>", "FID"], [Row([Cell("<8>"), Cell("4.1", "±1")])])],
  notes=["1 < 2", Markup("1 <b>and</b> 2")],
  terms=[("<seed>", "&0")],
  folds=[Section("More <figures>", notes=["inside"])],
)


def text_of(**changes):
  return page("A <title>", "under & below", [Section(**changes)])


def test_all_that_a_section_holds_is_on_the_page_as_text_not_markup():
  text = page("A <title>", "under & below", [SECTION])
  for shown in (
    "<title>A &lt;title&gt;</title>",
    "<h1>A &lt;title&gt;</h1><p>under &amp; below</p>",
    "<h2>Pictures &lt;made&gt; &amp; kept</h2>",
    '<p class="warning">Mind &amp; read.</p>',
    '<div class="tile"><span>FID</span><b>3.2</b>',
    "<span>&lt;b&gt;</span>",
    PICTURE,
    "<figcaption>One &amp; two.</figcaption>",
    '<th scope="col">&lt;steps&gt;</th>',
    "<td>&lt;8&gt;</td>",
    "<td>4.1<small>±1</small></td>",
    "<p>1 &lt; 2</p>",
    "<p>1 <b>and</b> 2</p>",
    "<dt>&lt;seed&gt;</dt><dd>&amp;0</dd>",
    "<summary>More &lt;figures&gt;</summary>",
  ):
    assert text.count(shown) == 1, shown


def test_sections_stand_in_the_given_order():
  titles = ["Second", "First", "Third"]
  text = page("t", "", [Section(t, notes=["."]) for t in titles])
  assert re.findall(r"<h2>(.*?)</h2>", text) == titles


def test_a_section_that_holds_nothing_is_left_out():
  assert text_of(title="Nothing", open=True) == page(
    "A <title>", "under & below", []
  )
  assert "<h2>Little</h2>" in text_of(title="Little", notes=["1"])


def test_only_an_open_fold_shows_what_it_holds():
  folds = [Section("shut"), Section("wide", open=True)]
  tags = re.findall(r"<details(.*?)><summary>(.*?)<", text_of(folds=folds))
  assert tags == [("", "shut"), (" open", "wide")]


@pytest.mark.parametrize("count", [1, 2])
def test_pictures_stand_side_by_side_where_there_are_several(count):
  text = text_of(figures=[Figure(PICTURE, "c")] * count)
  assert text.count('<div class="pair">') == (count > 1)
  assert text.count("<figure>") == count


def test_the_tone_of_rows_and_cells_is_their_class():
  rows = [Row([Cell("m"), Cell("1", tone="best")], "model"), Row([Cell("b")])]
  text = text_of(tables=[Table(["system"], rows)])
  assert re.findall(r"<tr(.*?)>", text) == ["", ' class="model"', ""]
  assert '<td class="best">1</td>' in text
  assert "<td>b</td>" in text


def test_the_page_needs_nothing_from_outside():
  text = page("t", "", [SECTION])
  assert not re.search(r"https?:|//\w|<script|<link|<img|@import", text)
  assert not re.search(r"url\((?!#)", text)


def test_tags_close_in_order():
  parser = _Nesting()
  parser.feed(page("A", "b", [SECTION, SECTION]))
  parser.close()
  assert not parser.open


class _Nesting(html.parser.HTMLParser):
  def __init__(self):
    super().__init__()
    self.open = []

  def handle_starttag(self, tag, attrs):
    if tag != "meta":
      self.open.append(tag)

  def handle_endtag(self, tag):
    assert self.open.pop() == tag
