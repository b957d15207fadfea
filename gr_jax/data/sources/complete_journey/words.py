"""Natural words for the clipped upper-case phrases of the grocery tables.

"FRZN ICE" becomes "frozen ice", "SW GDS:DONUTS" becomes "sweet goods donuts".
The table below was compiled from the most frequent of the 2,378 product types
and 303 categories; any other word passes as it is.
"""

import functools
import re

import polars as pl

# The width of the product type column: a phrase that fills it was cut off.
_FIELD_WIDTH = 30

# short=long; an underscore is a space; an empty long form drops the word.
_ABBREVIATIONS = """
acc=accessories acces=accessories access=accessories accss=accessories
authentic= bev=beverage bg=bag bkd=baked bn=bean bndges=bandages
brd=breaded brds=breads brkfst=breakfast bskts=baskets btl=bottle
btls=bottles btr=butter bx=box calc=calculator carb=carbonated
catfd=cat_food chick=chicken chix=chicken choc=chocolate
chococlate=chocolate chp=chopped
cig=cigarette cilanto=cilantro cke=cake ckys=cookies cleang=cleaning
cnd=canned cndles=candles cndy=candy cntrl=control cntrl.=control
coco=cocoa coff=coffee conc=concentrate cont=contributions cran=cranberry
crbnted=carbonated crbntd=carbonated crkr=crackers crmd=creamed
crystl=crystals dan=danish deod=deodorant dnr=dinner dnrs=dinners
dogfd=dog_food dps=dips drnk=drink drnking=drinking
drnkng=drinking drnks=drinks drsng=dressing drums=drumsticks
dsh=dish dxm=dextromethorphan elect=electrical eng=english etc= ex= exc=
except= excp= fd=food fds=food fem=feminine flnk=flank
flvr=flavor flvrd=flavored fre=fresh frd=fried frz=frozen frzn=frozen
fs=french_style gds=goods gm=general_merchandise gngr=ginger grnd=ground
hbc=health_beauty_care hndl=handle hygn=hygiene incl= including= inc=
instore=in_store iqf=individually_frozen iws=individually_wrapped_slices
jce=juice jhook=hook juic=juice liq=liquid liqs=liquids loave=loaf
lozng=lozenge lss=less lunchmeat=lunch_meat mach=machine marin=marinade
marinad=marinades memorablilia=memorabilia merch=merchandise mfg=manufacturer
misc=miscellaneous mlk=milk mlt=multi mneral=mineral mnrl=mineral mult=multi
mw=microwave mx=mix mxs=mixes mixs=mixes natrl=natural ndairy=non_dairy
nf=nonfat ntrtnl=nutritional oj=orange_juice occas=occasion org=organic
pc=piece pckgd=packaged pk=pack pkg=package pkgd=packaged pickld=pickled
pkld=pickled plstc=plastic plt=plate pnch=punch pnt=peanut port=portion
porton=portion portons=portions ppk=prepackaged prem=premium prep=prepared
preportnd=portioned prepack=prepackaged preslc=presliced prod=produce
prpck=prepackaged prslc=presliced protien=protein pwdr=powder pwdrs=powders
pse=pseudoephedrine refigerated=refrigerated refri=refrigerated
refrig=refrigerated refrgratd=refrigerated reg=regular retl=retail
rtd=ready_to_drink rts=ready_to_serve rw= sal=salad sald=salad saus=sausage
seafd=seafood sect=sections sft=soft sgl=single sherbts=sherbets
shlfsh=shellfish shldr=shoulder shnk=shank shred=shredded slc=sliced
smi=semi sndwch=sandwich sngl=single snks=snacks specilaty=specialty
sprd=spread spry=spray sply=supplies ss=single_serve stk=stick sub=substitute
subs=substitutes sup=super supp=supplies suppplies=supplies suprt=support
sv=serve srv=serve sw=sweet sweetners=sweeteners swt=sweet syrp=syrup
tampons=tampons thn=than tiss=tissue todd=toddler tom=tomato tort=tortilla
trans=transactions trsh=trash unswe=unsweetened vac=vacuum veg=vegetable
vend=vending wat=water wh=whole whl=whole whlsm=wholesome whs=warehouse
wt=weight wtr=water xpctrnt=expectorant bulk&bag= other= others= all=
et= handke=handkerchiefs may= over= under= elstc=elastic
beeralemalt=beer_ale_malt ctlrytblclthstthpksst=cutlery_tablecloths_toothpicks
saucessalsapicantee=sauces_salsa_picante salsapicante=salsa_picante
"""
_LONG_FORMS = {
  short: long.split("_") if long else []
  for short, long in (pair.split("=") for pair in _ABBREVIATIONS.split())
}
_SEPARATORS = re.compile(r"[^a-z0-9&'%]+|&")
_PHRASES = re.compile(r"\bbulk\s*&\s*bag\b|\bn/a\b")


@functools.cache
def natural_words(phrase: str | None) -> tuple[str, ...]:
  """Returns a phrase's distinct lower-case words, abbreviations written out.

  Words with digits ("12/18&15PK") and single letters are dropped; None gives
  no words.
  """
  words = _SEPARATORS.split(_PHRASES.sub(" ", (phrase or "").lower()))
  long = [
    form
    for word in words
    if len(word) > 1 and not any(c.isdigit() for c in word)
    for form in _LONG_FORMS.get(word.strip("'"), [word.strip("'")])
  ]
  return tuple(dict.fromkeys(long))


def whole_phrase(phrase: str | None) -> str:
  """Drops the part of a phrase that the table's column width cut off.

  A parenthesis that never closes and, where the column is full, the last word.
  """
  phrase = phrase or ""
  opened = phrase.rfind("(")
  if opened > phrase.rfind(")"):
    return phrase[:opened]
  if len(phrase) >= _FIELD_WIDTH:
    return re.sub(r"[^\s/&\-:,(]+$", "", phrase) or phrase
  return phrase


# Grades and shapes: alone they name nothing that a shopper would look for.
_QUALIFIER_WORDS = """
adult angus basic better blended blends bulk butts choice cold cooked cubed
cups deluxe dry economy enhanced exterior external family for fresh frozen
garden glass gourmet half hot imported instant internal items kids kits kosher
large lean mainstream meat medium included
microwave microwavable mini miscellaneous mix
mixed multi natural novelties novelty organic oven package packaged pack pails
pantry patties plus pints popular premium primal processed quarts raw red
regular seasonal select service single size small smoked specialty standard
sticks enrobed super traditional treats up value variety whole you serve
prepackaged push
"""
_QUALIFIERS = frozenset(_QUALIFIER_WORDS.split())


def names_nothing(words: tuple[str, ...]) -> bool:
  """Returns True if all words are grades or shapes ("better for you")."""
  return all(word in _QUALIFIERS for word in words)


_BRANDS = {"National": ["national", "brand"], "Private": ["store", "brand"]}


def item_texts(products: pl.DataFrame) -> list[str]:
  """Joins the words of type, category, department and brand, then the size.

  Args:
    products: The products, with columns department, brand, product_category,
      product_type and package_size, any of them null.

  Returns:
    A text per row; "unlisted product" where nothing is known.
  """
  texts = []
  for kind, category, department, brand, size in products.select(
    "product_type", "product_category", "department", "brand", "package_size"
  ).rows():
    words = [
      *natural_words(whole_phrase(kind)),
      *natural_words(category),
      *natural_words(department),
      *_BRANDS.get(brand or "", []),
    ]
    text = " ".join([*dict.fromkeys(words), *(size or "").lower().split()])
    texts.append(text or "unlisted product")
  return texts
