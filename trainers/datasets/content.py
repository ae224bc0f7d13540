"""What is in a folder or archive of images: decoded, counted, and in the end one data set."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np

from trainers.datasets.dataset import DatasetError, ImageDataset, most_bytes, shape_text
from trainers.datasets.decoding import UPPER_BYTE
from trainers.datasets.images import SUFFIXES, Decoded, decode_image
from trainers.datasets.layout import Layout, find_layout
from trainers.datasets.links import follow
from trainers.datasets.members import Member
from trainers.datasets.notes import Notes, digest_of, note_of_copies, note_of_leaks, remarks
from trainers.datasets.tree import REMEDY, Labelled
from trainers.datasets.walk import Parts

DARK = 64
"""If its brightest pixel is below this value, 16-bit colour is taken for fewer bits in a file of 16."""
BLACK = 16
"""If its brightest pixel is below this value, an image is nearly black: 12 bits in a file of 16 give 15."""
WHITE, MOSTLY = 255, 0.5
"""An image that is brighter than the levels allow is mostly white if half of its pixels are."""
MOST_SIZES = 20
"""Images of more sizes than this are refused at once: nobody has made them one size for a data set."""

_LOOKED_FOR = f" (looked for {' '.join(SUFFIXES)}, and for others by their content)"


@dataclass
class Content:
    """What was found in a folder or archive so far."""

    source: str
    image_size: int | None
    max_pixels: int
    pixels: dict[Parts, np.ndarray] = field(default_factory=dict)
    deep: dict[Parts, tuple[int, int]] = field(default_factory=dict)
    deep_colour: dict[Parts, int] = field(default_factory=dict)
    folders: set[Parts] = field(default_factory=set)
    links: dict[Parts, Parts] = field(default_factory=dict)
    linked: dict[Parts, Parts] = field(default_factory=dict)
    notes: Notes = field(default_factory=Notes)
    unreadable: str = ""
    _bytes: int = 0
    _sizes: set[tuple[int, ...]] = field(default_factory=set)

    def add(self, member: Member) -> None:
        """Take in a member; of several of one name, the last that can be read counts."""
        if member.is_folder:
            self.folders.add(member.parts)
        elif member.target is not None:
            self.links[member.parts] = member.target
        elif member.left_out:
            self.notes.add(f"left out, {member.left_out}", member.parts)
        else:
            self._decode(member)

    def _decode(self, member: Member) -> None:
        where = self._where(member)
        try:
            if member.too_large:
                raise DatasetError(f"{where} {member.too_large}")
            image = self._decoded(member, UPPER_BYTE)
        except DatasetError as error:
            self.unreadable = self.unreadable or str(error)
            self.notes.add(f"left out, {in_general(str(error).removeprefix(where).strip())}", member.parts)
            self.folders.update(member.parts[:end] for end in range(1, len(member.parts)))
        else:
            self._put(member.parts, image.pixels)
            self._note(member.parts, image)

    def _where(self, member: Member) -> str:
        return f"image {str(member)!r} of {self.source!r}"

    def _decoded(self, member: Member, levels: tuple[float, float]) -> Decoded:
        assert member.data is not None
        return decode_image(member.data, self._where(member), self.image_size, levels, self.max_pixels)

    def _put(self, parts: Parts, image: np.ndarray) -> None:
        """Keep an image. Only in the end is it known whether those that are used have one size: `layout`."""
        self.pixels[parts] = image
        self._sizes.add(image.shape[:2])
        self._bytes += image.nbytes
        if len(self._sizes) > MOST_SIZES or self._bytes > most_bytes():
            self._refuse_sizes(self.pixels)
        if self._bytes > most_bytes():
            raise DatasetError(
                f"images of {self.source!r} need more than {most_bytes():,} bytes of memory; "
                "--image-size N makes them smaller"
            )

    def _refuse_sizes(self, paths: Iterable[Parts]) -> None:
        """Refuse images that differ in size, naming the first two."""
        first: dict[tuple[int, ...], Parts] = {}
        for parts in paths:
            first.setdefault(self.pixels[parts].shape[:2], parts)
        if len(first) > 1:
            named = [f"{'/'.join(parts)!r} is {shape_text(shape)}" for shape, parts in first.items()]
            raise DatasetError(
                f"images of {self.source!r} differ in size: {', '.join(named[:2])} "
                "(height x width); --image-size N resizes all to N x N"
            )

    def _note(self, parts: Parts, image: Decoded) -> None:
        self.deep.pop(parts, None)  # of an earlier member of that name
        self.deep_colour.pop(parts, None)
        if image.deep is not None:
            self.deep[parts] = image.deep
        if image.deep_colour:
            self.deep_colour[parts] = int(image.pixels.max())
        for remark in remarks(image):
            self.notes.add(remark, parts)

    def follow_links(self) -> None:
        """Add what links in an archive lead to, and leave out absolute paths if there are relative ones."""
        self.linked = follow(self.links, self.pixels, self.source)
        for link, file in self.linked.items():
            self._put(link, self.pixels[file])
            if file in self.deep:
                self.deep[link] = self.deep[file]
        ways = {path[:end] for path in self.linked for end in range(1, len(path) + 1)}
        for link in sorted(self.links.keys() - ways):
            self.notes.add("left out, links that lead to no image in the archive", link)
        absolute = [parts for parts in self.pixels if parts[0] == "/"]
        if len(absolute) < len(self.pixels):
            for parts in absolute:
                del self.pixels[parts]
                self.notes.add("left out, with absolute paths unlike the others", parts)
            self.folders = {parts for parts in self.folders if parts[0] != "/"}

    def layout(self, own_validation: bool) -> Layout:
        """Which images belong to which class and split; these are of one size."""
        because = f"; {self.unreadable}" if self.unreadable else ""
        if not self.pixels:
            raise DatasetError(f"no images in {self.source!r}{because or _LOOKED_FOR}")
        try:
            layout = find_layout(self.pixels, self.folders, self.source, own_validation)
            if len(layout.class_names) < 2:
                name = layout.class_names[0]
                raise DatasetError(
                    f"the only class of {self.source!r} is {name!r}, but at least 2 are needed; {REMEDY}"
                )
            self._refuse_sizes(layout.used)
            return layout
        except DatasetError as error:
            raise DatasetError(f"{error}{because}") from None

    def decode_again(self, member: Member, levels: tuple[float, float]) -> bool:
        """Decode a grey image of more than 8 bits at other levels; False for all else."""
        if member.data is None or member.parts not in self.deep:
            return False
        try:
            self.pixels[member.parts] = self._decoded(member, levels).pixels
        except DatasetError:  # left out the first time, too: another member of that name was read
            return False
        return True

    def dataset(self, name: str, layout: Layout, levels: tuple[float, float]) -> ImageDataset:
        """The arrays, once all images are there."""
        self._refuse_dark_colour(layout)
        for link, file in self.linked.items():
            if {link, file} <= self.pixels.keys():  # an absolute path may have been left out
                self.pixels[link] = self.pixels[file]
        channels = 3 if any(self.pixels[parts].ndim == 3 for parts in layout.used) else 1
        files = {"train": layout.train, "validation": layout.validation, "test": layout.test}
        side = self.pixels[layout.train[0][0]].shape[:2]
        arrays = {}
        for part, labelled in files.items():
            arrays[f"{part}_images"] = self._stack([parts for parts, _ in labelled], side, channels)
            arrays[f"{part}_labels"] = np.array([label for _, label in labelled], dtype=np.int64)
        copies = self._notes_of_copies(files)
        deep = (*self._note_of_levels(layout, levels), *self._note_of_dark_and_bright(files, levels))
        notes = (*self.notes.lines(), *layout.notes, *copies, *deep)
        return ImageDataset(
            name,
            class_names=layout.class_names,
            levels=levels,
            notes=notes,
            unreadable=self.unreadable,
            **arrays,
        )

    def _notes_of_copies(self, files: Mapping[str, Labelled]) -> tuple[str, ...]:
        digests = {
            part: {parts: digest_of(self.pixels[parts]) for parts, _ in labelled}
            for part, labelled in files.items()
        }
        named = {part: {"/".join(parts): d for parts, d in one.items()} for part, one in digests.items()}
        every = {parts: digest for one in digests.values() for parts, digest in one.items()}
        return (*note_of_leaks(named), *note_of_copies(every))

    def _stack(self, paths: list[Parts], side: tuple[int, ...], channels: int) -> np.ndarray:
        images = np.empty((len(paths), *side, channels), dtype=np.uint8)
        for row, parts in enumerate(paths):
            image = self.pixels[parts]
            images[row] = image if image.ndim == 3 else image[..., np.newaxis]  # grey broadcasts to RGB
        return images

    def _note_of_levels(self, layout: Layout, levels: tuple[float, float]) -> tuple[str, ...]:
        if levels == UPPER_BYTE:
            return ()
        ranges = [self.deep[parts] for parts, _ in layout.train if parts in self.deep]
        low, high = min(low for low, _ in ranges), max(high for _, high in ranges)
        scale, offset = levels
        to = " to ".join(str(int(min(max(value * scale + offset, 0), 255))) for value in (low, high))
        return (f"grey values of more than 8 bits, {low} to {high} in training, become {to}",)

    def _note_of_dark_and_bright(
        self, files: Mapping[str, Labelled], levels: tuple[float, float]
    ) -> tuple[str, ...]:
        notes, deep = Notes(), self.deep.keys() | self.deep_colour.keys()
        scale, offset = levels
        for parts in (parts for labelled in files.values() for parts, _ in labelled if parts in deep):
            pixels, brightest = self.pixels[parts], self.deep.get(parts, (0, 0))[1]
            if pixels.max() < BLACK:
                notes.add("of more than 8 bits, nearly black at the levels of the training images", parts)
            elif brightest * scale + offset >= WHITE + 1 and np.mean(pixels == WHITE) >= MOSTLY:
                notes.add("of more than 8 bits, mostly white at the levels of the training images", parts)
        return notes.lines()

    def _refuse_dark_colour(self, layout: Layout) -> None:
        """Refuse 16-bit colour with little in the upper 8 bits, which are all that Pillow keeps."""
        deep = {parts: self.deep_colour[parts] for parts in layout.used if parts in self.deep_colour}
        if deep and max(deep.values()) < DARK:
            parts = min(deep)
            raise DatasetError(
                f"16-bit colour images of {self.source!r} such as {'/'.join(parts)!r} use less than a "
                "quarter of their range, and would be nearly black; save them with 8 bits"
            )


def in_general(reason: str) -> str:
    """Why an image was left out, without what differs from file to file.

    Args:
        reason: the message of `decode_image`, without the image's name.
    """
    for kind in ("is broken", "is too large"):
        if reason.startswith(kind):
            return f"unreadable: it {kind}" + (" (--max-pixels)" if "--max-pixels" in reason else "")
    return f"unreadable: it {reason}"
