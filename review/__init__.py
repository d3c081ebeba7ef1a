"""The board: launch, contact sheets, picks, progress, spend. Starts flows by deployment name, never imports them."""
