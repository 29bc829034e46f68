"""How an account's e-mails look: logo, colours, font, language, social links. Values only."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Final

from referins_woo.mail import words

FONTS: Final[dict[str, tuple[str, str]]] = {
    "modern": ("Modern", "Inter, 'Segoe UI', Roboto, Helvetica, Arial, sans-serif"),
    "classic": ("Classic", "Georgia, 'Times New Roman', Times, serif"),
    "plain": ("Plain", "Arial, Helvetica, sans-serif"),
    "wide": ("Wide", "Verdana, Geneva, Tahoma, sans-serif"),
    "friendly": ("Friendly", "'Trebuchet MS', 'Lucida Grande', Tahoma, sans-serif"),
}
"""Key → label and stack: only fonts that readers have, because mailboxes load none."""
SOCIAL: Final[dict[str, str]] = {
    "instagram": "Instagram",
    "facebook": "Facebook",
    "tiktok": "TikTok",
    "youtube": "YouTube",
    "pinterest": "Pinterest",
    "linkedin": "LinkedIn",
    "x": "X",
}
_COLOUR: Final = re.compile(r"#[0-9a-f]{6}")
_READABLE: Final = 4.5
"""Contrast that WCAG AA asks of text."""


@dataclass(frozen=True, slots=True)
class Brand:
    """One look."""

    logo: str = ""
    """Address of the picture; empty: none."""
    logo_width: int = 160
    accent: str = "#0054a6"
    """Of buttons and links."""
    background: str = "#f4f6fa"
    font: str = "modern"
    language: str = "en_GB"
    """Of dates, money and the words that e-mails hold by themselves."""
    social: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, kept: Any) -> Brand:
        """Return the brand that a JSON object holds; what is missing or unusable is as it is by default."""
        given = kept if isinstance(kept, dict) else {}
        found = cls(**{one.name: given[one.name] for one in fields(cls) if one.name in given})
        return found if found.is_usable() else cls()

    @staticmethod
    def is_colour(text: str) -> bool:
        """Whether a text is a colour like #0054a6."""
        return _COLOUR.fullmatch(text) is not None

    def is_usable(self) -> bool:
        """Whether everything in it is of its kind."""
        texts = (self.logo, self.accent, self.background, self.font, self.language)
        return (
            all(isinstance(one, str) for one in texts)
            and isinstance(self.logo_width, int)
            and bool(_COLOUR.fullmatch(self.accent) and _COLOUR.fullmatch(self.background))
            and self.font in FONTS
            and self.language in words.LANGUAGES
            and isinstance(self.social, dict)
        )

    def to_json(self) -> dict[str, Any]:
        """Return it as a JSON object."""
        return asdict(self)

    @property
    def font_stack(self) -> str:
        """What CSS calls its font."""
        return FONTS[self.font][1]

    @property
    def on_accent(self) -> str:
        """White or near black: what can be read on the accent."""
        return "#ffffff" if contrast(self.accent, "#ffffff") >= contrast(self.accent, "#111827") else "#111827"

    @property
    def link(self) -> str:
        """The accent where it can be read on white, else the colour of the text."""
        return self.accent if contrast(self.accent, "#ffffff") >= _READABLE else "#1f2937"

    @property
    def below(self) -> str:
        """The colour of what stands on the background, outside the card."""
        return "#525b69" if contrast("#525b69", self.background) >= _READABLE else self.on_background

    @property
    def on_background(self) -> str:
        """White or near black: what can be read best on the background."""
        white = contrast(self.background, "#ffffff") >= contrast(self.background, "#111827")
        return "#ffffff" if white else "#111827"


def contrast(one: str, other: str) -> float:
    """Return the contrast of two colours (#rrggbb) as WCAG counts it, from 1 to 21."""
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: str) -> float:
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
