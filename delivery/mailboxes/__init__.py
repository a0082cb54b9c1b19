"""Where returned emails lie until we have read them: a Maildir, or a box on an IMAP server."""

from delivery.mailboxes.mailbox import Handle, Mailbox, MailboxConfig, MailboxError, parse_mailbox

__all__ = ["Handle", "Mailbox", "MailboxConfig", "MailboxError", "parse_mailbox"]
