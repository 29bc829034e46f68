"""Pictures of the goods, drawn by number: a plain shape on a colored ground, the same on every machine."""

from __future__ import annotations

from referins_woo.practice_store.seed.dice import Dice

_GROUNDS = ("#f3e9dc", "#e3ece0", "#e6e4ef", "#f4e1dc", "#dfe9ee", "#f1ecd2")
_INKS = ("#c2714c", "#4f7f5a", "#7468a8", "#b35b52", "#4a7f9c", "#a08430")

SHAPES = {
    "cup": '<path d="M108 84h88v52a36 36 0 0 1-36 36h-16a36 36 0 0 1-36-36z"/>'
    '<path d="M196 96h10a22 22 0 0 1 0 44h-12" '
    'fill="none" stroke="{ink}" stroke-width="11"/><rect x="100" y="180" width="104" height="8" rx="4"/>',
    "pot": '<path d="M104 178h104l-10-76a42 42 0 0 0-84 0z"/><path d="M204 128l44-26-30 56z"/>'
    '<circle cx="156" cy="60" '
    'r="9"/><path d="M112 96a44 48 0 0 1 88 0" fill="none" stroke="{ink}" stroke-width="9"/>',
    "cloth": '<rect x="96" y="58" width="128" height="118" rx="4"/><path d="M96 88h128M96 104h128M96 148h128" '
    'stroke="{ground}" stroke-width="6"/>'
    '<path d="M104 176v14M124 176v14M144 176v14M164 176v14M184 176v14M204 176v14" '
    'stroke="{ink}" stroke-width="5"/>',
    "board": '<rect x="104" y="82" width="112" height="106" rx="18"/>'
    '<rect x="148" y="42" width="24" height="48" rx="10"/>'
    '<circle cx="160" cy="58" r="6" fill="{ground}"/>'
    '<path d="M122 112h76M122 136h58" stroke="{ground}" stroke-width="4"/>',
    "knife": '<path d="M70 140l122-44 18 18-22 20z"/><rect x="190" y="84" width="66" height="22" rx="10" '
    'transform="rotate(-20 200 100)"/>',
    "candle": '<rect x="132" y="92" width="56" height="98" rx="6"/>'
    '<path d="M160 46c16 18 14 34 0 38-14-4-16-20 0-38z"/>'
    '<rect x="112" y="188" width="96" height="9" rx="4"/>',
    "leaf": '<path d="M160 194V92" stroke="{ink}" stroke-width="7"/>'
    '<path d="M160 116c-46 4-62-22-60-52 42 0 60 22 60 52z"/>'
    '<path d="M160 144c46 4 62-22 60-52-42 0-60 22-60 52z"/><path d="M132 194h56l-6 14h-44z"/>',
    "paper": '<rect x="106" y="50" width="108" height="140" rx="6"/><path d="M124 80h72M124 100h72M124 120h48" '
    'stroke="{ground}" stroke-width="6"/><rect x="106" y="50" width="12" height="140" opacity=".5"/>',
    "gift": '<rect x="98" y="98" width="124" height="92" rx="4"/><rect x="90" y="80" width="140" height="26" rx="4"/>'
    '<path d="M160 80v110" stroke="{ground}" stroke-width="12"/><path d="M160 78c-40-6-44-42-20-42 16 0 20 24 20 42 '
    '0-18 4-42 20-42 24 0 20 36-20 42z"/>',
    "bowl": '<path d="M84 104h152a76 70 0 0 1-152 0z"/><rect x="126" y="176" width="68" height="12" rx="5"/>',
    "jar": '<rect x="116" y="76" width="88" height="116" rx="18"/>'
    '<rect x="124" y="52" width="72" height="20" rx="6"/>'
    '<rect x="128" y="112" width="64" height="44" rx="4" fill="{ground}"/>',
    "pillow": '<path d="M86 76c50 16 98 16 148 0-12 36-12 64 0 100-50-14-98-14-148 0 12-36 12-64 0-100z"/>'
    '<path d="M116 104c30 8 58 8 88 0" fill="none" stroke="{ground}" stroke-width="5"/>',
    "spoon": '<ellipse cx="126" cy="92" rx="28" ry="36" transform="rotate(-35 126 92)"/><path d="M144 118l70 74" '
    'stroke="{ink}" stroke-width="13" stroke-linecap="round"/>',
    "box": '<path d="M92 92l68-34 68 34v74l-68 34-68-34z"/><path d="M92 92l68 34 68-34M160 126v74" fill="none" '
    'stroke="{ground}" stroke-width="5"/>',
}
"""Shapes on a ground of 320 by 240; {ink} and {ground} are colors."""


def drawing(number: int, shape: str) -> str:
    """Return the picture of product `number` as SVG; an unknown shape is a box."""
    dice = Dice(7, "drawing", number)
    which = dice.below(len(_GROUNDS))
    ground, ink = _GROUNDS[which], _INKS[which]
    x, y, radius = 60 + dice.below(200), 40 + dice.below(160), 90 + dice.below(60)
    inside = SHAPES.get(shape, SHAPES["box"]).format(ink=ink, ground=ground)
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 320 240" width="320" height="240">'
        f'<rect width="320" height="240" fill="{ground}"/>'
        f'<circle cx="{x}" cy="{y}" r="{radius}" fill="{ink}" opacity=".13"/>'
        f'<circle cx="{320 - x}" cy="{240 - y}" r="{radius // 2}" fill="{ink}" opacity=".1"/>'
        f'<g fill="{ink}">{inside}</g></svg>'
    )
