from __future__ import annotations


class MailboxError(Exception):
    """The mailbox cannot be read now. One line, without addresses and passwords; nothing was lost."""
