"""What a password must not be, beside short: found in a local list of common ones, alone or thinly disguised."""

import re
import string
from typing import Any

from django.contrib.auth.password_validation import CommonPasswordValidator
from django.core.exceptions import ValidationError

# What people put for letters when a form wants digits and signs.
_DISGUISES = str.maketrans("0134578@$!", "oieastbasi")
_REPEATED = re.compile(r"(.{1,12}?)\1+.{0,2}")
_ROWS = ("abcdefghijklmnopqrstuvwxyz", "qwertyuiopasdfghjklzxcvbnm")


class UncommonPasswordValidator(CommonPasswordValidator):
    """Refuses a common password, also with digits and signs around or within it, twice in a row, or a row of keys."""

    def validate(self, password: str, user: Any = None) -> None:
        lower = password.lower()
        undisguised = lower.strip(string.digits + string.punctuation).translate(_DISGUISES)
        if self._is_common(lower) or self._is_most_of(undisguised, lower):
            raise ValidationError(self.get_error_message(), code="password_too_common")

    def _is_common(self, text: str) -> bool:
        return (
            text in self.passwords
            or self._is_most_of(re.sub(r"[^a-z]", "", text), text)
            or text.isdigit()
            or bool(_REPEATED.fullmatch(text))
            or any(text in row or text in row[::-1] for row in _ROWS)
        )

    def _is_most_of(self, part: str, text: str) -> bool:
        """A common word that is less than half of a password leaves enough that is not."""
        return 2 * len(part) >= len(text) and part in self.passwords
