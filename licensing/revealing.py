"""Keys as pages and files show them: whole, or in words why not."""

import logging

from accounts.ciphers import UndecipherableError
from licensing.models import ApiKey, License

logger = logging.getLogger(__name__)
UNREADABLE = "(not readable: this server lacks the key it was encrypted with)"


def revealed(row: ApiKey | License) -> str:
    """Return a key in clear. One that does not open is the operator's to mend: it is logged, and its page still opens."""
    try:
        return row.reveal()
    except UndecipherableError:
        logger.exception("A key cannot be shown")
        return UNREADABLE
