"""Grouping of near-duplicates finds with a look at the hashes first what comparing every pair finds."""

import random

from imaging.similarity import NEAR_DUPLICATE_DISTANCE, Signature, group_near_duplicates, near_duplicate_distance


def nearby(one: Signature, flips: int, chance: random.Random) -> Signature:
    gradient, frequency = one.gradient, one.frequency
    for _ in range(flips):
        gradient ^= 1 << chance.randrange(64)
        frequency ^= 1 << chance.randrange(64)
    colour = bytes(min(255, max(0, value + chance.randrange(-flips, flips + 1))) for value in one.colour)
    return Signature(gradient, frequency, colour)


def test_groups_are_those_of_comparing_each_picture_with_every_leader() -> None:
    chance = random.Random(3)
    seeds = [Signature(chance.getrandbits(64), chance.getrandbits(64), chance.randbytes(48)) for _ in range(20)]
    pictures = [(f"p{n}", nearby(chance.choice(seeds), chance.randrange(8), chance)) for n in range(150)]
    expected: list[tuple[Signature, list[str]]] = []
    for name, mine in pictures:
        near = [(near_duplicate_distance(mine, leader), place) for place, (leader, _) in enumerate(expected)]
        distance, place = min(near, default=(1.0, -1))
        if distance <= NEAR_DUPLICATE_DISTANCE:
            expected[place][1].append(name)
        else:
            expected.append((mine, [name]))
    assert group_near_duplicates(pictures) == [tuple(names) for _, names in expected]
    assert 20 <= len(expected) < 150
