"""The two shops differ in nothing but what they know."""

import pandas as pd
import pytest

from crmlab.course.two_shops import DAYS, SHOPS, SHOWN, _trade, two_shops


def repeat_rates(lines: pd.DataFrame) -> pd.Series:
    orders = lines.groupby(["shop", "customer_id"])["order_id"].nunique()
    return (orders >= 2).groupby("shop").mean()


def test_the_same_seed_gives_the_same_shops_and_another_seed_others():
    lines = two_shops(200, 0.7, seed=5)
    pd.testing.assert_frame_equal(lines, two_shops(200, 0.7, seed=5))
    assert not lines.equals(two_shops(200, 0.7, seed=6))


def test_customer_data_bring_customers_back_where_tastes_differ_and_do_nothing_where_they_do_not():
    gaps = {}
    for taste in (0, 0.8):
        rates = [repeat_rates(two_shops(2_000, taste, seed)) for seed in (1, 2, 3)]
        gaps[taste] = sum(rate["with_data"] - rate["without_data"] for rate in rates) / len(rates)
    assert gaps[0.8] > 0.03
    assert abs(gaps[0]) < 0.015


def test_both_shops_are_visited_by_the_same_people_on_the_same_days():
    lines = two_shops(300, 0.8, seed=2)
    visits = lines.groupby(["order_id", "shop"])[["customer_id", "day"]].first()
    one, other = (visits.xs(shop, level="shop") for shop in SHOPS)
    both = one.join(other.add_suffix("_other")).dropna()
    assert len(both) > 100
    assert (both[["customer_id", "day"]].to_numpy() == both[["customer_id_other", "day_other"]].to_numpy()).all()
    assert lines["day"].between(1, DAYS).all()
    assert not lines.duplicated(["shop", "order_id", "product_id"]).any()


def test_a_shop_that_knows_its_customer_shows_what_the_customer_bought():
    # Customer 1 buys product 9 once by looking further; the crowd buys products 0 to 2, and the window shows those.
    crowd = [(day, day, 0, product, True) for day in range(1, 40) for product in range(SHOWN)]
    mine = [(50, 50, 1, 9, True), (60, 60, 1, 9, False)]
    visits = pd.DataFrame(crowd + mine, columns=["day", "visit", "customer", "wanted", "looks_further"])
    days = {shop: _trade(visits, 2, shop).query("customer_id == 2")["day"].to_list() for shop in SHOPS}
    assert days == {"without_data": [50], "with_data": [50, 60]}


@pytest.mark.parametrize(("arguments", "message"), [((0, 0.5), "customers is 0"), ((10, 1.5), "own_taste is 1.5")])
def test_what_makes_no_shop_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        two_shops(*arguments, seed=1)
