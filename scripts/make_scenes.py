"""Makes a sheet of emoji scenes, each with its masks and its caption: the picture of the README.

usage: python scripts/make_scenes.py [--out FILE] [--count N] [--size PX] [--seed S] [--split train|val]
"""

import argparse
import textwrap
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from vizstudio.resources import resource_path
from vizstudio_emoji.scenes import Scene, Scenes

COLOURS = np.array([(230, 97, 0), (93, 165, 218), (178, 145, 47)], np.uint8)
PAPER, INK, GAP, LINE = (255, 255, 255), (40, 40, 40), 12, 17


def draw(scene: Scene, text: str) -> Image.Image:
    """Return a scene, its masks beside it and a text below."""
    size = len(scene.image)
    card = Image.new("RGB", (2 * size + 2, size + 3 * LINE + 4), PAPER)
    card.paste(Image.fromarray(scene.image))
    masks = np.full((size, size, 3), 235, np.uint8)
    for mask, colour in zip(scene.masks, COLOURS, strict=False):
        masks[mask] = colour
    card.paste(Image.fromarray(masks), (size + 2, 0))
    font = ImageFont.truetype(str(resource_path("fonts/DejaVuSans.ttf")), 13)
    pen = ImageDraw.Draw(card)
    for number, line in enumerate(textwrap.wrap(text, size * 2 // 7)):
        pen.text((0, size + 3 + number * LINE), line, INK, font)
    return card


def main() -> None:
    """Draw and write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    pictures = Path(__file__).parents[1] / "docs" / "pictures"
    parser.add_argument("--out", type=Path, default=pictures / "scenes.png")
    parser.add_argument("--count", type=int, default=9)
    parser.add_argument("--columns", type=int, default=3)
    parser.add_argument("--size", type=int, default=160)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--split", default="val")
    given = parser.parse_args()
    cards = [draw(scene, scene.caption) for scene in Scenes(given.size, given.count, given.seed, given.split)]
    width, height = cards[0].width + GAP, cards[0].height + GAP
    rows = -(-len(cards) // given.columns)
    sheet = Image.new("RGB", (given.columns * width + GAP, rows * height + GAP), PAPER)
    for number, card in enumerate(cards):
        row, column = divmod(number, given.columns)
        sheet.paste(card, (GAP + column * width, GAP + row * height))
    sheet.save(given.out)
    print(given.out)


if __name__ == "__main__":
    main()
