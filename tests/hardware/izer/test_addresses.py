# SPDX-License-Identifier: Apache-2.0
"""The memories' addresses are the izer's."""

import json
import subprocess

import pytest

from hardware.chips import MAX78000, MAX78002, Chip
from hardware.izer.addresses import address_map
from hardware.izer.toolchain import Toolchain, tool_environment

_ITS_OWN = """
import json, sys
from izer import state, tornadocnn
dev = tornadocnn.get_device(int(sys.argv[1]))
quadrants = range(4)
print(json.dumps({
    "instances": [dev.APB_BASE + dev.C_GROUP_OFFS * quadrant + dev.C_SRAM_BASE
                  + dev.INSTANCE_SIZE * 16 * within
                  for quadrant in quadrants for within in range(4)],
    "weights": [dev.APB_BASE + dev.C_GROUP_OFFS * (processor // 16) + dev.C_MRAM_BASE
                + (processor % 16) * dev.MASK_OFFS * 16 for processor in range(64)],
}))
"""


def test_the_first_instances_of_the_max78002() -> None:
    """Four of a quadrant 128 KiB apart, quadrants 16 MiB apart, as seen in sampleoutput.h."""
    found = [address_map(MAX78002).instance(group) for group in range(5)]
    assert found == [0x51800000, 0x51820000, 0x51840000, 0x51860000, 0x52800000]


def test_weights_of_the_max78002() -> None:
    """Processor 17 is the second of the second quadrant; words lie 4 bytes apart."""
    assert address_map(MAX78002).kernel(0x52420000) == (17, 0)
    assert address_map(MAX78002).kernel(0x51404FF0) == (0, 5116)


@pytest.mark.izer
@pytest.mark.parametrize(("chip", "number"), [(MAX78000, 85), (MAX78002, 87)])
def test_every_instance_and_processor_lies_where_the_izer_says(
    toolchain: Toolchain, chip: Chip, number: int
) -> None:
    """From the constants of its tornadocnn.py."""
    done = subprocess.run(
        [str(toolchain.python), "-c", _ITS_OWN, str(number)],
        cwd=toolchain.checkout,
        env=tool_environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    theirs = json.loads(done.stdout.splitlines()[-1])
    addresses = address_map(chip)
    assert [addresses.instance(group) for group in range(16)] == theirs["instances"]
    assert [addresses.kernel(one) for one in theirs["weights"]] == [(n, 0) for n in range(64)]
