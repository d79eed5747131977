"""Bundles: several products at one price, which has to be split again (lesson 08).

The receipt, the margin of each product and the refund of one part all need to know what each part of the bundle cost.
The price is split by list price, to the cent, and the cents that rounding leaves go to the largest remainders.
"""

from collections.abc import Sequence

import numpy as np


def split_price(bundle_price_cents: int, list_prices_cents: Sequence[int]) -> list[int]:
    """Split the price of a bundle over its parts in proportion to their list prices.

    bundle_price_cents
        whole cents, 0 or more
    list_prices_cents
        whole cents of each part (price times pieces), 0 or more and not all 0

    Returns whole cents, one a part, that add up to the price exactly. Each is the proportional share rounded down or
    up; the cents left over go to the largest remainders, to the earlier part where two are equal (Hamilton's method).

    >>> split_price(100, [50, 50, 50])
    [34, 33, 33]
    """
    price = _cents("bundle_price_cents", bundle_price_cents)
    lists = [_cents(f"list_prices_cents[{part}]", value) for part, value in enumerate(list_prices_cents)]
    total = sum(lists)
    if not total:
        raise ValueError(f"list_prices_cents is {lists}, expected at least one part with a price above 0")
    shares = [divmod(price * value, total) for value in lists]
    left = price - sum(whole for whole, _ in shares)
    largest = sorted(range(len(lists)), key=lambda part: (-shares[part][1], part))[:left]
    return [whole + (part in largest) for part, (whole, _) in enumerate(shares)]


def refund_of_parts(bundle_price_cents: int, list_prices_cents: Sequence[int], returned: Sequence[int]) -> int:
    """What is paid back when some parts of a bundle come back and the customer keeps the rest.

    The bundle is broken, and with it its reduction: the parts that are kept are charged at their list prices, but never
    at more than the bundle's price. The refund is the rest of what was paid, whole cents and never negative. All parts
    returned gives the whole price back.

    returned
        positions of the parts that come back, each once

    >>> refund_of_parts(9000, [8000, 2000], returned=[1])
    1000
    >>> refund_of_parts(9000, [8000, 2000], returned=[0, 1])
    9000
    """
    price = _cents("bundle_price_cents", bundle_price_cents)
    lists = [_cents(f"list_prices_cents[{part}]", value) for part, value in enumerate(list_prices_cents)]
    back = set(returned)
    if not back or len(back) != len(returned) or not back <= set(range(len(lists))):
        raise ValueError(f"returned is {list(returned)}, expected positions from 0 to {len(lists) - 1}, each once")
    kept = sum(value for part, value in enumerate(lists) if part not in back)
    return max(price - kept, 0)


def _cents(name: str, value: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 0:
        raise ValueError(f"{name} is {value!r}, expected whole cents, 0 or more")
    return int(value)
