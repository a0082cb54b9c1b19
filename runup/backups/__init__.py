"""One file that holds all a database knows and the send journal beside it, and the way back."""

from runup.backups.archive import BadBackup, check_archive, read_manifest
from runup.backups.making import make_backup
from runup.backups.manifest import Fingerprints, Manifest, fingerprints_of
from runup.backups.restoring import RESTORED, Refused, Restored, refuse, restore

__all__ = [
    "RESTORED",
    "BadBackup",
    "Fingerprints",
    "Manifest",
    "Refused",
    "Restored",
    "check_archive",
    "fingerprints_of",
    "make_backup",
    "read_manifest",
    "refuse",
    "restore",
]
