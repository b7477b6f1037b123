#!/usr/bin/env python3
"""Put the decoded levels of a picture side by side, with their rates, as in the README.

python tools/figure_levels.py demo/picture.json demo/picture.level0.png … docs/levels.png
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont


def main(report: str, *names: str) -> None:
    *pictures, target = names
    levels = json.loads(Path(report).read_text())["levels"]
    images = [Image.open(p).convert("RGB") for p in pictures]
    gap, strip = 8, 26
    width = sum(i.width for i in images) + gap * (len(images) - 1)
    sheet = Image.new("RGB", (width, images[0].height + strip), "white")
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(15)
    left = 0
    for image, level in zip(images, levels, strict=True):
        sheet.paste(image, (left, 0))
        text = f"level {level['level']}: {level['bytes']} bytes, {level['bpp']:.2f} bit/pixel, {level['psnr']:.1f} dB"
        draw.text((left + 2, image.height + 4), text, fill="black", font=font)
        left += image.width + gap
    Path(target).parent.mkdir(exist_ok=True)
    sheet.save(target, optimize=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
