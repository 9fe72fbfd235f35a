"""The words of captions: what objects and grounds are called, and how a caption is put together."""

NOUNS = (
    *("airplane", "apple", "backpack", "ball", "banana", "bee", "bell", "bicycle", "bird", "boat", "book"),
    *(
        "bread",
        "bus",
        "butterfly",
        "cactus",
        "cake",
        "camera",
        "car",
        "carrot",
        "cat",
        "clock",
        "cow",
        "crown",
    ),
    *(
        "cup",
        "dog",
        "duck",
        "elephant",
        "fish",
        "flower",
        "fox",
        "frog",
        "gift",
        "glasses",
        "guitar",
        "hammer",
    ),
    *("hat", "horse", "house", "key", "lamp", "lion", "man", "moon", "mouse", "mushroom", "owl", "panda"),
    *("phone", "pig", "pizza", "rabbit", "robot", "rocket", "scissors", "shoe", "snake", "snowman", "star"),
    *("sun", "train", "tree", "truck", "turtle", "umbrella", "whale", "woman"),
)
"""The classes, in order; each is the stem of its picture's name."""

RELATIONS = ("to the left of", "to the right of", "above", "below")
GROUNDS = {"grass": "grass", "brick": "bricks", "gravel": "gravel"}
"""What the ground of a texture is called, by the stem of the texture's name."""

_PHRASES = {
    "bread": "a loaf of bread",
    "glasses": "a pair of glasses",
    "moon": "the moon",
    "pizza": "a slice of pizza",
    "scissors": "a pair of scissors",
    "sun": "the sun",
}


def phrase(kind: int) -> str:
    """Return a class's noun with what goes before it, such as ``"an owl"``; the noun is the last word."""
    noun = NOUNS[kind]
    article = "an" if noun[0] in "aeiou" else "a"
    return _PHRASES.get(noun, f"{article} {noun}")


def caption(kinds: tuple[int, ...], relations: tuple[str, ...], ground: str) -> str:
    """Put a caption together.

    Parameters
    ----------
    kinds : tuple of int (objects,)
        Classes of the objects, the main one first.
    relations : tuple of str (objects - 1,)
        Where the main object is, seen from each of the others.
    ground : str
        What it is called; empty if it has no name.

    Returns
    -------
    str
        Such as ``"a cat to the left of a bicycle and above an owl on grass"``.
    """
    words = [phrase(kinds[0])]
    for number, (kind, relation) in enumerate(zip(kinds[1:], relations, strict=True)):
        if number:
            words.append("and")
        if not number or relation != relations[number - 1]:
            words.append(relation)
        words.append(phrase(kind))
    if ground:
        words += ["on", ground]
    return " ".join(words)


def vocabulary() -> list[str]:
    """Return every word that a caption can contain, sorted, each once."""
    phrases = [phrase(kind) for kind in range(len(NOUNS))]
    return sorted({*" ".join([*phrases, *RELATIONS, *GROUNDS.values(), "and", "on"]).split()})
