"""Every bound of the feed reader, with its unit, and the two reasons that other rooms compare with.

What lives here: numbers and fixed texts. What may not: code.
"""

MAX_FEED_BYTES = 64 * 1024 * 1024
MAX_LINES = 2_000_000  # physical lines; a row may have many
MAX_ROWS = 200_000
MAX_COLUMNS = 500
MAX_VARIANTS = 2_048  # of one product, as Shopify has it since October 2025; the rows beyond it are reported
MAX_CELL_CHARS = 100_000  # below csv's own process-wide limit of 131,072, which is left alone
MAX_RECORD_LINES = 5_000  # how far an open quote may reach
MAX_REREAD_COST = 200_000_000  # characters (plus 32 a line) read again after badly quoted rows, in all

MAX_SKU_CHARS = 200
MAX_TITLE_CHARS = 500
MAX_HTML_CHARS = 20_000  # of a description that are looked at
MAX_DESCRIPTION_CHARS = 1_000  # of a description that are kept, cut at a sentence
MAX_TAGS = 50
MAX_ATTRIBUTE_VALUES = 20
MAX_SHORT_CHARS = 120  # a tag, a brand, a kind, one value of an attribute
MAX_PHOTO_URLS = 20
MAX_PHOTO_NAMES = 2 * MAX_VARIANTS + MAX_PHOTO_URLS
MAX_URL_CHARS = 2_000  # Google Merchant's own bound for image_link

NOT_PUBLISHED = "not published"
NOTE_PREFIX = "note: "
