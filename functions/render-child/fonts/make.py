"""Makes the fonts of this folder from the Debian packages fonts-liberation2 and fonts-noto-core: no hinting, the signs of forms in
each face, names of our own.

    make.py <folder of LiberationSans-Regular.ttf and the others> <NotoSansSymbols2-Regular.ttf> <this folder>
"""

import sys
from pathlib import Path

from fontTools import subset
from fontTools.misc.transform import Transform
from fontTools.pens.recordingPen import DecomposingRecordingPen
from fontTools.pens.transformPen import TransformPen
from fontTools.pens.ttGlyphPen import TTGlyphPen
from fontTools.ttLib import TTFont

# What the layout engine writes before the entries of lists, in a font that it calls by this name.
BULLETS = (" \u2022\u25e6\u25aa", "Bullet")
# What forms are full of: boxes to be ticked, empty and filled in; ticks and crosses; where to cut, to call and to write.
SIGNS = "\u2610\u2611\u2612\u2713\u2714\u2715\u2716\u2717\u2718\u2702\u260e\u2709"
STYLES = {"Regular": "Regular", "Bold": "Bold", "Italic": "Italic", "BoldItalic": "Bold Italic"}


def main(source: Path, signs: Path, target: Path) -> None:
    for family in ("Sans", "Serif", "Mono"):
        for file, style in STYLES.items():
            font = TTFont(source / f"Liberation{family}-{file}.ttf", recalcTimestamp=False)
            add_signs(font, TTFont(signs))
            cut(font, font.getBestCmap(), f"Mailhouse {family}", style, target / f"Mailhouse{family}-{file}.ttf")
    text, name = BULLETS
    font = TTFont(source / "LiberationSans-Regular.ttf", recalcTimestamp=False)
    for char in text.strip():
        # Nothing else stands between a bullet and its entry.
        width, left = font["hmtx"][font.getBestCmap()[ord(char)]]
        font["hmtx"][font.getBestCmap()[ord(char)]] = (width + font["head"].unitsPerEm // 3, left)
    cut(font, map(ord, text), name, "Regular", target / "MailhouseBullets.ttf")


def add_signs(font: TTFont, symbols: TTFont) -> None:
    """Gives a font the signs, as large as in text of its size; where all characters are equally wide, as wide as these."""
    scale = font["head"].unitsPerEm / symbols["head"].unitsPerEm
    drawn, names = symbols.getGlyphSet(), symbols.getBestCmap()
    cell = font["hmtx"]["space"][0] if font["post"].isFixedPitch else None
    for sign in SIGNS:
        name, source = f"sign{ord(sign):X}", names[ord(sign)]
        width = symbols["hmtx"][source][0] * scale
        shrunk = 1 if cell is None else min(1, cell / width)
        shift = 0 if cell is None else (cell - width * shrunk) / 2
        outline, pen = DecomposingRecordingPen(drawn), TTGlyphPen(None)
        drawn[source].draw(outline)
        outline.replay(TransformPen(pen, Transform(scale * shrunk, 0, 0, scale * shrunk, shift, 0)))
        font.setGlyphOrder([*font.getGlyphOrder(), name])
        glyph = pen.glyph()
        font["glyf"][name] = glyph
        glyph.recalcBounds(font["glyf"])
        font["hmtx"][name] = (round(width) if cell is None else cell, getattr(glyph, "xMin", 0))
        for table in font["cmap"].tables:
            if table.isUnicode():
                table.cmap[ord(sign)] = name


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
    main(*map(Path, sys.argv[1:]))
