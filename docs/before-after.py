"""Draws before-after.jpg: sample pictures above their inverses.

usage: before-after.py SAMPLES RESULTS OUT     (Pillow; RESULTS holds files of the same names)
"""
import sys
from pathlib import Path

from PIL import Image, ImageOps

NAMES = ["lighthouse.jpg", "balloons-orientation-6.jpg", "julia.png", "flower-lossy.webp"]
TILE = (300, 200)
GAP = 12


def tile(path):
    picture = ImageOps.exif_transpose(Image.open(path)).convert("RGB")
    return ImageOps.fit(picture, TILE)


def main():
    folders, out = [Path(a) for a in sys.argv[1:3]], sys.argv[3]
    width = len(NAMES) * (TILE[0] + GAP) - GAP
    sheet = Image.new("RGB", (width, 2 * TILE[1] + GAP), "white")
    for column, name in enumerate(NAMES):
        for row, folder in enumerate(folders):
            sheet.paste(tile(folder / name), (column * (TILE[0] + GAP), row * (TILE[1] + GAP)))
    sheet.save(out, quality=88)


main()
