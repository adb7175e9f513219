"""Particles of Korean, whose form depends on the sound that the word before them ends in."""

from typing import Any

READ = dict(zip("0123456789", "영일이삼사오육칠팔구", strict=True))
"""How a number's last digit is read; 10, 100 and 1,000 end in a consonant too."""
CONSONANTS = "bkmnp"
"""Letters after which a word of the Latin alphabet ends in a consonant when it is read in Korean, beside l."""
FINALS, RIEUL = 28, 8
"""Number of final consonants, none included, and the number of the one after which 로 stays."""


class Field:
    """A field of a Korean text: `{name:을/를}` adds the particle that fits; all else is as in `str.format`."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def __format__(self, specification: str) -> str:
        """Format the value."""
        if "/" not in specification:
            return format(self.value, specification)
        return f"{self.value}{particle(str(self.value), specification)}"


def particle(word: str, forms: str) -> str:
    """Choose a particle for a word. forms: those after a consonant and after a vowel, such as "을/를" or "으로/로"."""
    after_consonant, after_vowel = forms.split("/")
    final = _final(word)
    return after_vowel if not final or (final == RIEUL and after_vowel == "로") else after_consonant


def _final(word: str) -> int:
    """Number of the consonant in which the last syllable ends, 0 for a vowel."""
    last = next((letter for letter in reversed(word) if letter.isalnum()), "")
    last = READ.get(last, last.lower())
    if "가" <= last <= "힣":
        return (ord(last) - ord("가")) % FINALS
    return RIEUL if last == "l" else int(last in CONSONANTS and last != "")
