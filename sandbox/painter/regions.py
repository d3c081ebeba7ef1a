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
