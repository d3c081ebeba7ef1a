"""Read models of the board: SQL in, frozen dataclasses out. No HTTP, no templates, nothing is written here."""
