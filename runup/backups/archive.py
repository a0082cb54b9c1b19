"""The file: a tar archive, compressed where its name ends with .gz, that is whole or is not there."""

from __future__ import annotations

import hashlib
import io
import os
import re
import tarfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import IO

from runup.backups.manifest import FORMAT, Manifest, Member

MANIFEST = "manifest.json"
_NAMES = re.compile(r"database\.(sqlite|dump)|journal/\d{4}-\d\d-\d\d\.jsonl")
_CHUNK = 1024 * 1024
_LONGEST_MANIFEST = 1_000_000


class BadBackup(Exception):
    """This file cannot be used: it is none of ours, it is damaged, or a newer runup made it."""


def member_of(file: Path) -> Member:
    with file.open("rb") as stream:
        return Member(file.stat().st_size, hashlib.file_digest(stream, "sha256").hexdigest())


def write_archive(file: Path, manifest: Manifest, members: Mapping[str, Path]) -> Manifest:
    """Write `file`, readable by its owner alone and durable before it gets its name. Returns the manifest
    with its members; raises OSError, and FileExistsError rather than replace anything."""
    whole = replace(manifest, members={name: member_of(path) for name, path in members.items()})
    part = file.with_name(f"{file.name}.part")
    descriptor = os.open(part, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            _fill(stream, whole, members, is_compressed=file.suffix == ".gz")
            stream.flush()
            os.fsync(stream.fileno())
        os.link(part, file)  # unlike rename, it refuses where somebody was faster
    finally:
        part.unlink(missing_ok=True)
    sync_folder(file.parent)
    return whole


def _fill(stream: IO[bytes], manifest: Manifest, members: Mapping[str, Path], *, is_compressed: bool) -> None:
    kind = {"mode": "w:gz", "compresslevel": 3} if is_compressed else {"mode": "w"}
    with tarfile.open(fileobj=stream, **kind) as tar:
        text = manifest.to_json()
        head = tarfile.TarInfo(MANIFEST)
        head.size, head.mode, head.mtime = len(text), 0o600, int(manifest.made_at.timestamp())
        tar.addfile(head, io.BytesIO(text))
        for name, path in members.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode, entry.mtime = manifest.members[name].size, 0o600, head.mtime
            with path.open("rb") as source:
                tar.addfile(entry, source)


def read_manifest(file: Path) -> Manifest:
    """What the backup says of itself. Raises BadBackup, and OSError where it cannot be read at all."""
    with _opened(file) as tar:
        return _manifest(file, tar)


def check_archive(file: Path, take: Callable[[str, Iterator[bytes]], None] | None = None) -> Manifest:
    """Read all of it and compare every byte with the manifest. `take` gets each member's name and content;
    what it makes of them counts only when this returns. Raises BadBackup."""
    with _opened(file) as tar:
        manifest = _manifest(file, tar)
        left = dict(manifest.members)
        while (entry := tar.next()) is not None:
            expected = left.pop(entry.name, None)
            if expected is None or not entry.isfile():
                raise BadBackup(f"{file.name} holds {entry.name[:80]!r}, which its manifest does not name")
            _read_member(file, tar, entry, expected, take)
    if left:
        raise BadBackup(f"{file.name} is not whole: {', '.join(sorted(left))} is missing")
    return manifest


def _read_member(
    file: Path,
    tar: tarfile.TarFile,
    entry: tarfile.TarInfo,
    expected: Member,
    take: Callable[[str, Iterator[bytes]], None] | None,
) -> None:
    digest, size = hashlib.sha256(), 0
    stream = tar.extractfile(entry)
    assert stream is not None, "it is a regular file"

    def content() -> Iterator[bytes]:
        nonlocal size
        while chunk := stream.read(_CHUNK):
            digest.update(chunk)
            size += len(chunk)
            yield chunk

    if take is None:
        for _ in content():
            pass
    else:
        take(entry.name, content())
    if (size, digest.hexdigest()) != (expected.size, expected.sha256):
        raise BadBackup(f"{file.name} is damaged: {entry.name} is not what was backed up")


def _manifest(file: Path, tar: tarfile.TarFile) -> Manifest:
    head = tar.next()
    stream = tar.extractfile(head) if head and head.name == MANIFEST and head.isfile() else None
    if head is None or stream is None or head.size > _LONGEST_MANIFEST:
        raise BadBackup(f"{file.name} is no backup of runup")
    text = stream.read()
    if re.search(rb'"format": *(?!%d\b)\d' % FORMAT, text):
        raise BadBackup(f"{file.name} was made by a newer runup; install that version to restore it")
    try:
        manifest = Manifest.from_json(text)
    except (ValueError, KeyError, TypeError, AttributeError):
        raise BadBackup(f"{file.name} is damaged: its manifest cannot be read") from None
    if not all(_NAMES.fullmatch(name) for name in manifest.members):
        raise BadBackup(f"{file.name} names a file that does not belong into a backup")
    return manifest


@contextmanager
def _opened(file: Path) -> Iterator[tarfile.TarFile]:
    try:
        with tarfile.open(file, "r|*") as tar:
            yield tar
    except (tarfile.TarError, EOFError) as error:
        raise BadBackup(f"{file.name} is no backup of runup, or it is not whole ({error})") from None
    except OSError as error:
        if error.errno is None:  # gzip's own complaints
            raise BadBackup(f"{file.name} is damaged ({error})") from None
        raise
    except Exception as error:
        if type(error).__module__ in ("zlib", "gzip", "lzma"):
            raise BadBackup(f"{file.name} is damaged ({error})") from None
        raise


def sync_folder(folder: Path) -> None:
    """Make a new name in `folder` survive a power loss."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
