"""Ports of servers that tests start are nobody else's."""

from pathlib import Path

import pytest
from ports import free_ports


def test_no_port_is_handed_out_twice():
    """What one call has returned no later one returns."""
    drawn = [port for _ in range(20) for port in free_ports(10)]
    assert len(set(drawn)) == len(drawn)


def test_the_kernel_gives_them_to_no_connection():
    """They lie outside of the range that connections take their ports from."""
    place = Path("/proc/sys/net/ipv4/ip_local_port_range")
    if not place.exists():
        pytest.skip("This system does not say which ports connections get.")
    first, last = map(int, place.read_text().split())
    if first < 32_000:
        pytest.skip("Connections of this machine may have any port.")
    assert not [port for port in free_ports(20) if first <= port <= last]
