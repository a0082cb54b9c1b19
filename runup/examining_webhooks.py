"""What `doctor` looks at in the outgoing webhooks: who takes nothing, and who was switched off."""

from __future__ import annotations

from collections.abc import Iterator

from runup.database import Database
from runup.examining import Finding, Level
from runup.receivers import webhook_rows


def examine_webhooks(database: Database) -> Iterator[Finding]:
    with database.read() as session:
        rows = webhook_rows(session)
    for row in rows:
        if row["state"] == "off":
            words = f"webhook {row['id']} is off: {row['why']}"
            remedy = f"put the receiver right, then `runup webhooks retry {row['id']}`, or remove it"
            yield Finding(Level.FAILED, "webhooks", words, remedy)
        elif row["state"] == "failing":
            since = f"{row['failing_since']:%Y-%m-%d %H:%M}Z"
            words = f"webhook {row['id']} has taken nothing since {since}; {row['waiting']:,} messages wait"
            remedy = f"`runup webhooks log {row['id']}` has its answers"
            yield Finding(Level.WARNING, "webhooks", words, remedy)
    if rows and all(row["state"] == "on" for row in rows):
        yield Finding(Level.OK, "webhooks", f"{len(rows)} of {len(rows)} receivers take what they are told")
