"""The words: one folder per campaign, one folder per email. Read, never imported."""
