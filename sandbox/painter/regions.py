"""Regions on small maps: spreading a seed over what is allowed."""

import numpy as np

MAX_ROUNDS = 1024


def grow(seed: np.ndarray, allowed: np.ndarray, rounds: int = MAX_ROUNDS) -> np.ndarray:
    """The seed spread step by step over what is allowed."""
    region = seed & allowed
    for _ in range(rounds):
        wider = region.copy()
        wider[1:] |= region[:-1]
        wider[:-1] |= region[1:]
        wider[:, 1:] |= region[:, :-1]
        wider[:, :-1] |= region[:, 1:]
        wider &= allowed
        if (wider == region).all():
            break
        region = wider
    return np.asarray(region)


def widened(mask: np.ndarray, px: int) -> np.ndarray:
    """The mask with so many pixels more on every side."""
    return grow(mask, np.ones_like(mask), rounds=px)


def narrowed(mask: np.ndarray, px: int) -> np.ndarray:
    """The mask without its outermost pixels; the picture's border takes nothing away."""
    return ~widened(~mask, px)


def border_of(mask: np.ndarray, px: int = 1) -> np.ndarray:
    """A mask of the same shape that is true along the picture's border."""
    found = np.zeros(mask.shape, bool)
    found[:px], found[-px:], found[:, :px], found[:, -px:] = True, True, True, True
    return found


def pieces(mask: np.ndarray, least: int) -> list[np.ndarray]:
    """The connected pieces of a mask that have at least so many pixels."""
    found, left = [], mask.copy()
    while left.sum() >= least:
        seed = np.zeros_like(left)
        seed[np.unravel_index(int(left.argmax()), left.shape)] = True
        piece = grow(seed, left)
        left &= ~piece
        if piece.sum() >= least:
            found.append(piece)
    return found
