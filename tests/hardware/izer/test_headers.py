# SPDX-License-Identifier: Apache-2.0
"""Generated headers: read as the accelerator is loaded from them, and refused where damaged."""

from pathlib import Path

import pytest

from hardware.chips import MAX78000, MAX78002
from hardware.izer.headers import (
    expected_output,
    kernel_memory,
    read_array,
    read_header,
    sample_values,
)
from hardware.izer.toolchain import IzerError

HEADER = """\
/* weights */
#define BIAS_0 { \\
  0xfe, 0x01 \\
}
#define KERNELS { \\
  0x51400000, 0x00000003, 0x00000000, 0x00000102, \\
  0x03000000, 0x00000000 \\
}
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "weights.h"
    path.write_text(text)
    return path


def test_arrays_are_read_by_name(tmp_path: Path) -> None:
    """Over several lines, in hexadecimal."""
    path = written(tmp_path, HEADER)
    kernels = [0x51400000, 3, 0, 0x102, 0x03000000, 0]
    assert read_header(path) == {"BIAS_0": [0xFE, 1], "KERNELS": kernels}
    assert read_array(path, "KERNELS") == kernels


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "weights.h holds no array"),
        ("#define KERNELS 3\n", "holds no array"),
        ("#define KERNELS {}\n", "KERNELS holds no words"),
        ("#define KERNELS {1, 2,}\n", "KERNELS holds no words"),
        ("#define KERNELS {1, two}\n", "KERNELS holds no words: .*two"),
        ("#define KERNELS {0x100000000}\n", "4294967296 is not a 32-bit word"),
        ("#define KERNELS {-1}\n", "-1 is not a 32-bit word"),
        (HEADER[: HEADER.index("0x03")], "holds no KERNELS"),
        (HEADER.replace("KERNELS", "KERNALS"), "holds no KERNELS"),
    ],
)
def test_a_damaged_header_is_one_line(tmp_path: Path, text: str, words: str) -> None:
    """It names the file, and the array where there is one."""
    with pytest.raises(IzerError, match=words) as error:
        read_array(written(tmp_path, text), "KERNELS")
    assert "\n" not in str(error.value)
    assert "weights.h" in str(error.value)


def test_a_missing_header_is_one_line(tmp_path: Path) -> None:
    """As a folder in its place is."""
    with pytest.raises(IzerError, match=r"left no weights\.h: No such file"):
        read_header(tmp_path / "weights.h")
    (tmp_path / "weights.h").mkdir()
    with pytest.raises(IzerError, match=r"left no weights\.h"):
        read_header(tmp_path / "weights.h")


def test_a_header_that_is_no_text_is_refused(tmp_path: Path) -> None:
    """Bytes that are no UTF-8 are not words either."""
    path = tmp_path / "weights.h"
    path.write_bytes(b"#define KERNELS {0x\xff\xfe}\n")
    with pytest.raises(IzerError, match="KERNELS holds no words"):
        read_header(path)


def test_kernel_words_are_nine_bytes_the_last_one_read_first() -> None:
    """Three words of 4 bytes, highest first: 00 00 00 00 00 00 01 02 03 is read 03 02 01 00 ..."""
    kernels = [0x51400000, 3, 0, 0x102, 0x03000000, 0]
    word = bytes([3, 2, 1, 0, 0, 0, 0, 0, 0])
    assert kernel_memory(kernels, MAX78002) == {(0, 0): word}


def test_runs_say_where_they_lie() -> None:
    """Processor 17 of the MAX78000 is the second of the second quadrant; words are 4 apart."""
    # 0x5018_0000, a quadrant 0x40_0000 further, a processor 0x4000 further, 8 words of 4 further
    address = 0x5018_0000 + 0x40_0000 + 0x4000 + 8 * 4
    kernels = [address, 5, 0x01020304, 0x05060708, 0x090A0B0C, 0x0D0E0F10, 0x11120000, 0]
    assert kernel_memory(kernels, MAX78000) == {
        (17, 8): bytes([9, 8, 7, 6, 5, 4, 3, 2, 1]),
        (17, 9): bytes([18, 17, 16, 15, 14, 13, 12, 11, 10]),
    }


@pytest.mark.parametrize(
    "kernels",
    [
        [],
        [0x51400000],
        [0x51400000, 3],
        [0x51400000, 3, 0, 0x102],
        [0x51400000, 3, 0, 0x102, 0x03000000],
        [0x51400000, 4, 0, 0x102, 0x03000000, 0],
        [0x51400000, 0xFFFFFFFF, 0, 0x102, 0x03000000, 0],
    ],
)
def test_weights_cut_short_are_one_line(kernels: list[int]) -> None:
    """Wherever they end, even where only the closing zero is missing."""
    with pytest.raises(IzerError, match=f"KERNELS ends within a run, after {len(kernels)} words"):
        kernel_memory(kernels, MAX78002)


def test_an_address_between_words_is_refused() -> None:
    """The accelerator is loaded word by word."""
    with pytest.raises(IzerError, match="0x51400002, which is no word's address"):
        kernel_memory([0x51400002, 3, 0, 0x102, 0x03000000, 0], MAX78002)


def test_expected_words_have_a_mask_and_an_address() -> None:
    """Words of a run follow each other, 4 bytes apart."""
    found = expected_output([0x51800010, 0xFF, 2, 7, 9, 0x51820010, 0xFFFF, 1, 0x1234, 0])
    assert found == {
        0x51800010: (0xFF, 7),
        0x51800014: (0xFF, 9),
        0x51820010: (0xFFFF, 0x1234),
    }


@pytest.mark.parametrize(
    "answer", [[], [0x51800010], [0x51800010, 0xFF], [0x51800010, 0xFF, 2, 7], [16, 255, 1, 7]]
)
def test_an_answer_cut_short_is_one_line(answer: list[int]) -> None:
    """As cut weights are."""
    with pytest.raises(IzerError, match=f"SAMPLE_OUTPUT ends .* after {len(answer)} words"):
        expected_output(answer)


def test_chw_words_hold_four_pixels_of_a_channel() -> None:
    """10 20 30 -40 -50 is 0a 14 1e d8, lowest first, and ce; a channel for every 4 processors."""
    arrays = {"SAMPLE_INPUT_0": [0xD81E140A, 0xCE], "SAMPLE_INPUT_4": [0x04030201, 0x05]}
    found = sample_values(arrays, (2, 5), chw=True, passes=1)
    assert found.tolist() == [[10, 20, 30, -40, -50], [1, 2, 3, 4, 5]]


def test_hwc_words_hold_four_channels_of_a_pixel() -> None:
    """Five channels of 2 x 1 pixels: four lie with processor 0, the last one with processor 4."""
    arrays = {"SAMPLE_INPUT_4": [0x05, 0xFB], "SAMPLE_INPUT_0": [0x04030201, 0xFCFDFEFF]}
    found = sample_values(arrays, (5, 2, 1), chw=False, passes=1)
    assert found[:, :, 0].tolist() == [[1, -1], [2, -2], [3, -3], [4, -4], [5, -5]]


def test_over_64_channels_a_pixels_passes_follow_each_other() -> None:
    """66 channels are 36 and 30: the first four processors have 0 to 3, then 36 to 39."""
    groups = [[4 * group + lane for lane in range(4)] for group in range(18)]
    words = [sum(channel << 8 * lane for lane, channel in enumerate(one)) for one in groups]
    words = [
        word if max(one) < 66 else word & 0xFFFF for word, one in zip(words, groups, strict=True)
    ]
    arrays = {f"SAMPLE_INPUT_{4 * group}": [words[group], words[group + 9]] for group in range(9)}
    assert arrays["SAMPLE_INPUT_0"] == [0x03020100, 0x27262524]
    assert arrays["SAMPLE_INPUT_28"] == [0x1F1E1D1C, 0x4140]
    arrays["SAMPLE_INPUT_32"][1] = 0
    assert sample_values(arrays, (66,), chw=False, passes=2).tolist() == list(range(66))


@pytest.mark.parametrize(
    "arrays",
    [
        {},
        {"KERNELS": [1]},
        {"SAMPLE_INPUT_0": [1]},
        {"SAMPLE_INPUT_0": [1, 2], "SAMPLE_INPUT_4": [1]},
        {"SAMPLE_INPUT_0": [1, 2], "SAMPLE_INPUT_8": [1, 2]},
        {"SAMPLE_INPUT_0": [1, 2], "SAMPLE_INPUT_4": [1, 2], "SAMPLE_INPUT_8": [1, 2]},
        {"SAMPLE_INPUT_x": [1, 2], "SAMPLE_INPUT_4": [1, 2]},
    ],
)
def test_a_sample_of_another_size_is_one_line(arrays: dict[str, list[int]]) -> None:
    """Two channels of five pixels take two words each."""
    with pytest.raises(IzerError, match="must hold 2 in each of SAMPLE_INPUT_0, SAMPLE_INPUT_4"):
        sample_values(arrays, (2, 5), chw=True, passes=1)
