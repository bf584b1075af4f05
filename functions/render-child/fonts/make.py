"""Makes the fonts of this folder from the Debian package fonts-liberation2: no hinting, names of our own.

    make.py <folder of LiberationSans-Regular.ttf and the others> <this folder>
"""

import sys
from pathlib import Path

from fontTools import subset
from fontTools.ttLib import TTFont

# What the layout engine writes before the entries of lists, in a font that it calls by this name.
BULLETS = (" \u2022\u25e6\u25aa", "Bullet")
STYLES = {"Regular": "Regular", "Bold": "Bold", "Italic": "Italic", "BoldItalic": "Bold Italic"}


def main(source: Path, target: Path) -> None:
    for family in ("Sans", "Serif", "Mono"):
        for file, style in STYLES.items():
            font = TTFont(source / f"Liberation{family}-{file}.ttf", recalcTimestamp=False)
            cut(font, font.getBestCmap(), f"Mailhouse {family}", style, target / f"Mailhouse{family}-{file}.ttf")
    text, name = BULLETS
    font = TTFont(source / "LiberationSans-Regular.ttf", recalcTimestamp=False)
    cut(font, map(ord, text), name, "Regular", target / "MailhouseBullets.ttf")


def cut(font: TTFont, unicodes, family: str, style: str, path: Path) -> None:
    options = subset.Options(
        hinting=False, glyph_names=False, notdef_outline=True, layout_features=["*"], name_IDs=[0, 1, 2, 4, 6, 13, 14]
    )
    options.drop_tables += ["FFTM", "kern", "hdmx", "VDMX", "LTSH"]
    subsetter = subset.Subsetter(options)
    subsetter.populate(unicodes=unicodes)
    subsetter.subset(font)
    names = font["name"]
    for record in list(names.names):
        value = {1: family, 2: style, 4: f"{family} {style}", 6: path.stem}.get(record.nameID)
        if value:
            names.setName(value, record.nameID, record.platformID, record.platEncID, record.langID)
    font.save(path)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
