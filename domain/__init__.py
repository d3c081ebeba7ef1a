"""The nouns and the rules of Draftline, frozen and pure.

What lives here: briefs, prompts, ladders, requests, receipts, money units, feeds, errors. What may not: I/O, Prefect,
SQL, HTTP, Pillow, a vendor's name, a clock.
"""
