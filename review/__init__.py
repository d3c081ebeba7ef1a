"""The board: launch, contact sheets, picks, progress and spend for people. Starts flows by deployment name, never imports them."""
