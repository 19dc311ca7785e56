"""Writes tests/fixtures/image_folders.json: folders of images, and how torchvision's ImageFolder numbers and orders them;
and tar files whose members have long names.

ImageFolder's rules: classes are the folders' names as Python sorts them; the images of a class are those that os.walk finds,
following links, folders sorted by path and files by name.

Run from the repository's root, with Python's own library alone:  python tests/reference/write_folder_fixtures.py
"""

import io
import json
import os
import tarfile
import tempfile
from pathlib import Path

FIXTURES = Path(__file__).parent.parent / "fixtures"
EXTENSIONS = (".jpg", ".jpeg", ".png", ".webp")

WORDNET = ["n01440764", "n02102040", "n02979186", "n03000684", "n03028079", "n03394916", "n03417042", "n03425413"]


def one_each(names):
    return [f"{name}/a.jpg" for name in names]


# Files, and links as {link: what it leads to}, both from the data folder on; "../" leads out of it.
CASES = {
    "words": (["cat/b.png", "cat/a.JPEG", "Dog/x.jpg", "cat/notes.txt", "ant/1.webp", "ant/1.WebP.txt"], {}),
    "0 to 11": (one_each(range(12)), {}),
    "1 to 12": (one_each(range(1, 13)), {}),
    "angles": (one_each([0, 90, 180, 270]), {}),
    "00 to 11": (one_each(f"{i:02}" for i in range(12)), {}),
    "negative and decimal": (one_each(["-1", "1", "10", "1.5", "2"]), {}),
    "WordNet ids": (one_each(WORDNET), {}),
    "WordNet ids and another": (one_each([*WORDNET, "background"]), {}),
    "not in UTF-16's order": (one_each(["\U0001f600", "\uff21", "B", "a", "ab", "\u00e4"]), {}),
    "nested": (["a/b/1.jpg", "a/b c/2.jpg", "a/b/d/3.jpg", "a/z.jpg", "a/b-/0.jpg"], {}),
    "linked class": (["../elsewhere/a.jpg", "own/b.jpg"], {"linked": "../elsewhere"}),
    "links in a class": (
        ["../more/2.jpg", "../more/deep/1.jpg", "cat/a.jpg", "dog/b.jpg"],
        {"cat/more": "../../more", "cat/also": "../../more/deep", "cat/3.jpg": "../../more/2.jpg", "dog/cats": "../cat"},
    ),
    "links in a linked class": (["../x/y/1.jpg", "../z/2.jpg", "own/b.jpg"], {"linked": "../x", "../x/y/z": "../../z"}),
}


def build(root, files, links):
    for file in files:
        path = root / "data" / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    for link, target in links.items():
        os.symlink(target, root / "data" / link)


def image_folder(data):
    classes = sorted(entry.name for entry in os.scandir(data) if entry.is_dir())
    samples = []
    for index, name in enumerate(classes):
        for folder, _, names in sorted(os.walk(data / name, followlinks=True)):
            for file in sorted(names):
                if file.lower().endswith(EXTENSIONS):
                    samples.append([os.path.relpath(os.path.join(folder, file), data), index])
    return classes, samples


def write_folders():
    cases = []
    for name, (files, links) in CASES.items():
        with tempfile.TemporaryDirectory() as folder:
            build(Path(folder), files, links)
            classes, samples = image_folder(Path(folder) / "data")
        cases.append(dict(name=name, files=files, links=links, classes=classes, samples=samples))
    lines = ",\n".join(json.dumps(case) for case in cases)
    (FIXTURES / "image_folders.json").write_text(f"[\n{lines}\n]\n", encoding="utf-8")


def write_long_names():
    """Names of more than 100 characters, which either kind of tar writes before the member's header."""
    for kind, tar_format in (("pax", tarfile.PAX_FORMAT), ("gnu", tarfile.GNU_FORMAT)):
        with tarfile.open(FIXTURES / f"long_names_{kind}.tar", "w", format=tar_format) as tar:
            for name in ("a" * 120 + "/1.JPEG", "short.JPEG", "\u00fc" * 80 + "/" + "b" * 90 + "/2.JPEG"):
                info = tarfile.TarInfo(name)
                info.size = len(name.encode())
                tar.addfile(info, io.BytesIO(name.encode()))


write_folders()
write_long_names()
