"""What the rules of people and teams refuse: one class each, with the message that people read. No HTTP here."""

from typing import ClassVar

from accounts.limits import Outcome


class RefusalError(Exception):
    """An act was understood and is refused; `message` is for people."""

    default_message: ClassVar[str] = "This is refused"

    def __init__(self, message: str | None = None) -> None:
        self.message = message or self.default_message
        super().__init__(self.message)


class AddressTakenError(RefusalError):
    default_message = "There is an account with this address already"


class LastOwnerError(RefusalError):
    default_message = "A team needs an owner: make somebody else an owner first"


class MemberAlreadyError(RefusalError):
    default_message = "This person is a member of the team already"


class InvitationExpiredError(RefusalError):
    default_message = "This invitation is no longer open: ask for a new one"


class TooManyInvitationsError(RefusalError):
    """`outcome` says when the team may invite again."""

    default_message = "Your team has sent many invitations today: try again tomorrow"

    def __init__(self, outcome: Outcome) -> None:
        self.outcome = outcome
        super().__init__()


class OwnersByPeopleError(RefusalError):
    default_message = "Owners are made, changed and removed by people, on the team's page"


class SoleOwnerError(RefusalError):
    """Teams with other people in them would be left without an owner."""

    default_message = "Some of your teams have no other owner: make somebody else one first"
