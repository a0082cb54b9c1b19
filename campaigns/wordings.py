"""The words of variants, laid beside those of their steps as if each had a folder: `details@question/`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from campaigns.errors import CampaignError
from campaigns.languages import Language, languages
from campaigns.source_files import PARTS, CampaignFiles
from campaigns.timetable import sequence_of
from campaigns.variants import Variant, wording

TIMETABLE = "sequence.toml"


def with_variants(files: CampaignFiles) -> CampaignFiles:
    """The same version with a folder for each variant that has words of its own; what is at fault in them is
    told as the file and line where it was written. Without a timetable that can be read: as it is."""
    if TIMETABLE not in files.texts:
        return files
    try:
        steps = [step for step in sequence_of(files).steps if step.variants]
    except CampaignError:
        return files  # whoever reads the timetable tells
    texts, written = dict(files.texts), dict(files.written)
    for step in steps:
        for variant in step.variants:
            if not variant.is_as_written:
                for path, source, text in _folder(files, step.key, variant):
                    written[path] = source
                    if text is not None:
                        texts[path] = text
    aside = {variant.template for step in steps for variant in step.variants} - {""}
    return replace(files, texts=texts, written=written, aside=sorted({*files.aside, *aside}))


def _folder(files: CampaignFiles, step: str, variant: Variant) -> Iterator[tuple[str, str, str | None]]:
    """Path, where it was written, and its text; None for a text that somebody forgot to write."""
    folder = wording(step, variant)
    for language in languages(files.texts):
        for name in PARTS.values():
            if name == PARTS["subject"] and variant.subject:
                yield f"{folder}/{language.name(name)}", TIMETABLE, _subject(variant, language)
                continue
            source = language.name(f"{variant.template or step}/{name}")
            yield f"{folder}/{language.name(name)}", source, files.texts.get(source)


def _subject(variant: Variant, language: Language) -> str | None:
    """On the line on which it stands in the timetable, so that what is wrong with it is found there."""
    text = variant.subject if language.is_own else variant.subjects.get(language.code, "")
    return "\n" * (variant.line - 1) + text + "\n" if text else None
