"""The cells of the database that hold ciphertexts: what is not named here keeps its old key when keys are changed."""

import dataclasses

from accounts import ciphers


@dataclasses.dataclass(frozen=True, slots=True)
class Cell:
    """A column that `ciphers.encrypt` fills, or one member of a column of JSON objects."""

    table: str
    column: str
    member: str = ""
    row_column: str = "id"
    # Whether the ciphertext is bound to its row. Where a library encrypts before it knows the row, only to the column.
    is_bound_to_row: bool = True
    # What can be done without: whoever was signed in under a lost key signs in again.
    is_disposable: bool = False

    def __str__(self) -> str:
        return f"{self.table}.{self.column}" + (f".{self.member}" if self.member else "")

    def encrypt(self, text: str, row: object = "") -> str:
        """Return `text` encrypted with the current key, for this cell of one row."""
        return ciphers.encrypt(text, table=self.table, column=self.column, row=self._bound_to(row))

    def decrypt(self, ciphertext: str, row: object = "") -> str:
        """Return what `encrypt` sealed; raise UndecipherableError when it does not open."""
        return ciphers.decrypt(
            ciphertext, table=self.table, column=self.column, row=self._bound_to(row)
        )

    def _bound_to(self, row: object) -> object:
        return row if self.is_bound_to_row else ""


# What allauth.mfa keeps: its adapter's encrypt() is not told for whom.
TOTP_SECRET = Cell("mfa_authenticator", "data", "secret", is_bound_to_row=False)
RECOVERY_CODES_SEED = Cell("mfa_authenticator", "data", "seed", is_bound_to_row=False)

SIGN_IN = Cell("django_session", "session_data", row_column="session_key", is_disposable=True)

CELLS = (TOTP_SECRET, RECOVERY_CODES_SEED, SIGN_IN)
