"""The few words that e-mails hold by themselves, in the language of the brand; a block may have its own instead."""

from __future__ import annotations

from typing import Final

from babel import Locale

_KEYS: Final = ("shipping", "tax", "total", "more", "each", "unsubscribe", "preferences")
_WORDS: Final[dict[str, tuple[str, ...]]] = {
    "en": ("Shipping", "Tax", "Total", "and more:", "each", "Unsubscribe", "E-mail preferences"),
    "de": ("Versand", "Steuer", "Gesamt", "und weitere:", "je", "Abmelden", "E-Mail-Einstellungen"),
    "fr": ("Livraison", "Taxes", "Total", "et en plus :", "pièce", "Se désabonner", "Préférences e-mail"),
    "es": ("Envío", "Impuestos", "Total", "y además:", "c/u", "Darse de baja", "Preferencias de correo"),
    "it": ("Spedizione", "Imposte", "Totale", "e inoltre:", "cad.", "Annulla iscrizione", "Preferenze e-mail"),
    "nl": ("Verzending", "Btw", "Totaal", "en nog meer:", "per stuk", "Afmelden", "E-mailvoorkeuren"),
    "pt": ("Envio", "Impostos", "Total", "e mais:", "cada", "Cancelar inscrição", "Preferências de e-mail"),
    "pl": ("Wysyłka", "Podatek", "Razem", "oraz więcej:", "szt.", "Wypisz się", "Ustawienia e-maili"),
    "sv": ("Frakt", "Moms", "Totalt", "och fler:", "styck", "Avsluta prenumerationen", "E-postinställningar"),
    "da": ("Levering", "Moms", "I alt", "og flere:", "stk.", "Afmeld", "E-mailindstillinger"),
    "ar": ("الشحن", "الضريبة", "الإجمالي", "وأيضًا:", "للواحد", "إلغاء الاشتراك", "تفضيلات البريد"),
    "he": ("משלוח", "מס", "סך הכול", "ועוד:", "ליחידה", "הסרה מרשימת התפוצה", "העדפות דוא״ל"),
}
_VIEW: Final[dict[str, str]] = {
    "en": "View in browser",
    "de": "Im Browser ansehen",
    "fr": "Voir dans le navigateur",
    "es": "Ver en el navegador",
    "it": "Apri nel browser",
    "nl": "Bekijk in de browser",
    "pt": "Ver no navegador",
    "pl": "Zobacz w przeglądarce",
    "sv": "Visa i webbläsaren",
    "da": "Vis i browseren",
    "ar": "عرض في المتصفح",
    "he": "צפייה בדפדפן",
}
"""The link below marketing that shows the e-mail on the web."""
LANGUAGES: Final[dict[str, str]] = {
    "en_GB": "English (United Kingdom)",
    "en_US": "English (United States)",
    "en_AU": "English (Australia)",
    "en_CA": "English (Canada)",
    "de_DE": "German (Germany)",
    "de_AT": "German (Austria)",
    "de_CH": "German (Switzerland)",
    "fr_FR": "French (France)",
    "fr_CA": "French (Canada)",
    "es_ES": "Spanish (Spain)",
    "es_MX": "Spanish (Mexico)",
    "it_IT": "Italian (Italy)",
    "nl_NL": "Dutch (Netherlands)",
    "pt_PT": "Portuguese (Portugal)",
    "pt_BR": "Portuguese (Brazil)",
    "pl_PL": "Polish (Poland)",
    "sv_SE": "Swedish (Sweden)",
    "da_DK": "Danish (Denmark)",
    "ar_EG": "Arabic (Egypt)",
    "ar_SA": "Arabic (Saudi Arabia)",
    "he_IL": "Hebrew (Israel)",
}
"""Locale → its English name in CLDR: what a brand's language can be. To ask Babel for them all costs 5 MB."""


def of(locale: str) -> dict[str, str]:
    """Return the words for a locale like `de_DE`; English where we have none."""
    language = locale.partition("_")[0]
    said = dict(zip(_KEYS, _WORDS.get(language, _WORDS["en"]), strict=True))
    return {**said, "view": _VIEW.get(language, _VIEW["en"])}


def is_right_to_left(locale: str) -> bool:
    """Whether the language is written from right to left."""
    return str(Locale.parse(locale).text_direction) == "rtl"
