"""The spellings in which a client may forge the identity headers that a gateway sets."""

import itertools

NAMES = ("Subject", "User", "Session", "Client", "Scope", "Roles", "Expires")
# RFC 9110: every character that a header name may have and that is neither a letter nor a digit.
CHARACTERS = "!#$%&'*+-.^_`|~"
FORGED = "root"
# In place of the first hyphen, of the second, of both, and of both with a letter's case changed here and there.
PLACES = ("X{0}Auth-{2}", "X-Auth{1}{2}", "X{0}Auth{1}{2}", "x{0}aUTH{1}{2}")


def alias(pattern: str, name: str, first: str, second: str) -> str:
    return pattern.format(first, second, name)


def variants() -> list[list[tuple[str, str]]]:
    """Header fields to forge an identity with, one list for one request."""
    found = []
    for character, place in itertools.product(CHARACTERS, PLACES):
        names = [alias(place, name, character, character) for name in NAMES]
        fields = [(name, FORGED) for name in names]
        found += [fields, fields + fields, [*fields, ("Connection", ", ".join(names))]]
    # Another character in each place.
    for first in CHARACTERS:
        found.append([(alias(PLACES[2], "User", first, second), FORGED) for second in CHARACTERS])
    found.append([(alias(PLACES[3], name, "_", "-").swapcase(), FORGED) for name in NAMES])
    return found
