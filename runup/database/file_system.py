"""Which file system a database lies on: SQLite's locks do not hold on those of a network."""

from __future__ import annotations

from pathlib import Path

_NETWORK = {
    "afs", "ceph", "cifs", "fuse.ceph", "fuse.glusterfs", "fuse.rclone", "fuse.s3fs", "fuse.sshfs", "gfs2",
    "glusterfs", "lustre", "nfs", "nfs4", "ocfs2", "smb3", "smbfs",
}  # fmt: skip
_MOUNTS = Path("/proc/self/mountinfo")


def network_file_system(file: Path) -> str:
    """The kind of network file system that `file` lies on; "" when it is none, or nobody can tell."""
    try:
        lines = _MOUNTS.read_text("utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    folder, kinds = file.resolve().parent, {}
    for line in lines:
        # "36 35 98:0 /root /mount/point options - kind source more"; a space in a path is \040.
        before, _, after = line.partition(" - ")
        fields = before.split()
        if len(fields) > 4 and after:
            kinds[Path(fields[4].replace("\\040", " "))] = after.split()[0]
    nearest = next((place for place in (folder, *folder.parents) if place in kinds), None)
    kind = kinds[nearest] if nearest else ""
    return kind if kind in _NETWORK else ""
