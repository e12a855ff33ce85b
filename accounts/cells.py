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
    # The column that names what the ciphertext is bound to: its row, but where a library encrypts before there is one.
    bound_column: str = "id"
    # What can be done without: whoever was signed in under a lost key signs in again.
    is_disposable: bool = False

    def __str__(self) -> str:
        return f"{self.table}.{self.column}" + (f".{self.member}" if self.member else "")

    def encrypt(self, text: str, bound_to: object) -> str:
        """Return `text` encrypted with the current key, for this cell where `bound_column` holds `bound_to`."""
        return ciphers.encrypt(text, table=self.table, column=self.column, row=bound_to)

    def decrypt(self, ciphertext: str, bound_to: object) -> str:
        """Return what `encrypt` sealed; raise UndecipherableError when it does not open."""
        return ciphers.decrypt(ciphertext, table=self.table, column=self.column, row=bound_to)


# What allauth.mfa keeps: one of each for a user, and encrypted before it is saved.
TOTP_SECRET = Cell("mfa_authenticator", "data", "secret", bound_column="user_id")
RECOVERY_CODES_SEED = Cell("mfa_authenticator", "data", "seed", bound_column="user_id")

SIGN_IN = Cell(
    "django_session",
    "session_data",
    row_column="session_key",
    bound_column="session_key",
    is_disposable=True,
)

CELLS = (TOTP_SECRET, RECOVERY_CODES_SEED, SIGN_IN)
