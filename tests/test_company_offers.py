"""Offers: they keep, remind and bring back as planted, in purchases and in contracts; and change nothing else."""

from __future__ import annotations

import functools

import numpy as np
import pandas as pd
import pytest
from companies import hidden, observed

from crmlab.company.offers import OFFER_DAYS

PEOPLE = 30_000
START = pd.Timestamp("2026-01-01")
END = "2027-06-30"


@functools.cache
def _everybody(people: int = PEOPLE) -> pd.DataFrame:
    """A row a person: first record, what is planted, and whether it is there at the start."""
    truth = hidden(people=people)
    first = truth["records"][~truth["records"]["is_second_record"]]
    for name in ("tendencies", "relationships", "effects", "offer_effects"):
        first = first.merge(truth[name], on="person_id", validate="1:1")
    return first.sort_values("person_id", ignore_index=True)


def _acted(customers, kind, at=START, first_id=1, **columns) -> pd.DataFrame:
    frame = pd.DataFrame({"action_id": np.arange(first_id, first_id + len(customers)), "customer_id": customers})
    return frame.assign(kind=kind, at=pd.Timestamp(at), channel="email", **columns)


def _react(actions, until=END, seed=5, people=PEOPLE, absent="", **options) -> pd.DataFrame:
    return observed(people=people, absent=absent).react(actions, until, seed=seed, **options)


def _purchases(reactions: pd.DataFrame) -> pd.DataFrame:
    bought = reactions[reactions["reaction"] == "bought"]
    return bought.sort_values(["customer_id", "at"], ignore_index=True)


def _same(one: pd.DataFrame, two: pd.DataFrame) -> None:
    pd.testing.assert_frame_equal(one, two, check_exact=True)


def _mixed() -> pd.DataFrame:
    customers = _everybody()["customer_id"].to_numpy()[:4000]
    return pd.concat(
        [
            _acted(customers[:2500], "retention_offer", "2026-01-10 10:00", offer_cents=2000),
            _acted(customers[1500:], "win_back_offer", "2026-02-01", 10_001),
            _acted(customers[1000:3000], "message", "2026-02-15", 20_001, message="voucher"),
            _acted(customers[:1500], "retention_offer", "2026-05-01", 30_001).assign(channel="phone"),
            _acted(customers[2000:3000], "win_back_offer", "2026-06-01", 40_001),
            _acted(customers[3900:], "no_contact", "2026-01-10", 50_001),
        ],
        ignore_index=True,
    )


# The same for the same


def test_the_same_actions_in_any_order_alone_or_together_get_the_same_reactions():
    every = _react(_mixed(), watch_contracts=True)
    _same(every, _react(_mixed().sample(frac=1, random_state=1), watch_contracts=True))
    some = _mixed()[_mixed()["customer_id"].isin(_everybody()["customer_id"][:4000:7])]
    alone = _react(some, watch_contracts=True)
    _same(alone, every[every["action_id"].isin(some["action_id"])].reset_index(drop=True))
    assert len(_react(_mixed(), seed=6)) != len(every)


@pytest.mark.parametrize("day", ["2026-01-20", "2026-03-03", "2026-05-02"])
def test_a_later_day_and_later_actions_add_to_what_was_before(day):
    whole, sent = _react(_mixed(), watch_contracts=True), _mixed()[_mixed()["at"] <= day]
    part = _react(sent, day, watch_contracts=True)
    before = whole[whole["at"] < pd.Timestamp(day) + pd.Timedelta(days=1)]
    _same(part, before.reset_index(drop=True))


def test_watching_contracts_changes_nothing_else():
    plain, watched = _react(_mixed()), _react(_mixed(), watch_contracts=True)
    assert [*plain.columns, "contract", "contract_id"] == list(watched.columns)
    _same(
        plain, watched[watched["reaction"] != "ended"].drop(columns=["contract", "contract_id"]).reset_index(drop=True)
    )


# As planted


@functools.cache
def _lottery() -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Everybody, with what happens to purchases when all get a retention offer, and when all are only watched."""
    people = _everybody()
    customers = people["customer_id"].to_numpy()
    return people, *(_purchases(_react(_acted(customers, kind))) for kind in ("retention_offer", "no_contact"))


def test_a_retention_offer_keeps_and_reminds_as_planted():
    people, offered, alone = _lottery()
    # Who buys in the months after the credit has run out was still a customer, in both worlds known by the purchases.
    after = START + pd.Timedelta(days=OFFER_DAYS)
    later = [set(each.loc[each["at"] >= after, "customer_id"]) for each in (offered, alone)]
    there = people[people["is_active"]]
    gained, lost = later[0] - later[1], later[1] - later[0]
    by = there.set_index("customer_id")
    # Nobody is kept or reminded beyond their planted chance, and more are where it is larger.
    assert gained and lost and gained <= set(by.index) and lost <= set(by.index)
    assert (by.loc[list(gained), "kept"] > 0).all() and (by.loc[list(lost), "reminded"] > 0).all()
    would_buy = by.loc[sorted(later[1])]
    expected = would_buy["reminded"].sum()
    assert abs(len(lost) - expected) < 4.5 * np.sqrt(expected)
    # Of those whose need would end in the window (their last purchase then), each is kept with the planted chance.
    only_then = set(alone["customer_id"]) - later[1]
    last = alone[alone["customer_id"].isin(only_then)].groupby("customer_id")["at"].max()
    ends = by.loc[last.index]
    assert 0.05 * ends["kept"].sum() < len(gained) < ends["kept"].sum() + 4.5 * np.sqrt(ends["kept"].sum())


def test_those_neither_kept_nor_reminded_buy_as_if_left_alone():
    people, offered, alone = _lottery()
    columns = ["customer_id", "at"]
    both = offered[columns].merge(alone[columns], how="outer", indicator=True)
    touched = set(both.loc[both["_merge"] != "both", "customer_id"])
    untouched = people[(people["kept"] == 0) & (people["reminded"] == 0)]["customer_id"]
    assert not touched & set(untouched)
    # A kept customer buys the same up to the end that would have been, a reminded one nothing more.
    more, fewer = (both[both["_merge"] == side] for side in ("left_only", "right_only"))
    assert not set(more["customer_id"]) & set(fewer["customer_id"])
    first_more = more.groupby("customer_id")["at"].min()
    last_alone = alone.groupby("customer_id")["at"].max().reindex(first_more.index)
    assert (first_more > last_alone).all()
    assert not set(fewer["customer_id"]) & set(offered["customer_id"])


def test_a_win_back_offer_brings_back_as_planted_and_only_those_who_left():
    people = _everybody()
    customers = people["customer_id"].to_numpy()
    bought = _purchases(_react(_acted(customers, "win_back_offer")))
    alone = _purchases(_react(_acted(customers, "no_contact")))
    gone = people[~people["is_active"]]
    back = gone["customer_id"].isin(bought["customer_id"])
    expected = gone["won_back"].sum()
    assert abs(back.sum() - expected) < 4.5 * np.sqrt((gone["won_back"] * (1 - gone["won_back"])).sum())
    assert not alone["customer_id"].isin(gone["customer_id"]).any()
    first = bought[bought["customer_id"].isin(gone["customer_id"])].groupby("customer_id")["at"].min()
    assert (first < START + pd.Timedelta(days=30)).all()
    # Those who had not left buy as if left alone, and take the credit.
    there = people.loc[people["is_active"], "customer_id"]
    columns = ["customer_id", "at"]
    mine, theirs = (each.loc[each["customer_id"].isin(there), columns] for each in (bought, alone))
    _same(mine.reset_index(drop=True), theirs.reset_index(drop=True))
    assert bought.loc[bought["customer_id"].isin(there), "discount_cents"].sum() > 0
    # Some come back for good: the need goes on as the process has it.
    assert bought[bought["customer_id"].isin(first.index)].groupby("customer_id").size().max() > 5


def test_the_credit_is_for_one_purchase_within_its_days_and_never_more_than_it():
    _, offered, alone = _lottery()
    credited = offered[offered["discount_cents"] > 0]
    assert not credited["customer_id"].duplicated().any()
    assert (credited["at"] < START + pd.Timedelta(days=OFFER_DAYS)).all()
    assert credited["discount_cents"].max() == 1500
    assert (offered["amount_cents"] >= 0).all() and (alone["discount_cents"] == 0).all()
    both = credited.merge(alone, on=["customer_id", "at"], suffixes=("", "_alone"))
    assert len(both) > 1000 and (both["amount_cents"] + both["discount_cents"] == both["amount_cents_alone"]).all()


def test_a_larger_credit_keeps_more_and_reminds_as_many():
    people = _everybody()
    customers = people["customer_id"].to_numpy()
    alone = _purchases(_react(_acted(customers, "no_contact")))
    after = START + pd.Timedelta(days=OFFER_DAYS)
    later = {}
    for cents in (0, 1500, 6000):
        bought = _purchases(_react(_acted(customers, "retention_offer", offer_cents=cents)))
        later[cents] = set(bought.loc[bought["at"] >= after, "customer_id"])
    before = set(alone.loc[alone["at"] >= after, "customer_id"])
    gained = [len(each - before) for each in later.values()]
    assert gained[0] == 0 < gained[1] < gained[2]
    assert len({frozenset(before - each) for each in later.values()}) == 1


def test_contracts_end_as_planted_and_offers_change_that():
    people = _everybody()
    customers = people["customer_id"].to_numpy()
    alone = _react(_acted(customers, "no_contact"), END, watch_contracts=True)
    offered = _react(_acted(customers, "retention_offer"), END, watch_contracts=True)
    ended = alone[alone["reaction"] == "ended"]
    assert set(ended["contract"]) == {"subscription", "service_contract"}
    assert not ended.duplicated(["contract", "contract_id"]).any() and ended["amount_cents"].isna().all()
    # Within a year from the first day every running service contract comes to one anniversary.
    company, truth = observed(people=PEOPLE), hidden(people=PEOPLE)
    running = company.service_contracts[company.service_contracts["end_date"].isna()]
    chance = running.merge(truth["service_contracts"], on="service_contract_id")["ending_probability"]
    year = ended[(ended["contract"] == "service_contract") & (ended["at"] < START + pd.Timedelta(days=365))]
    assert abs(len(year) - chance.sum()) < 4.5 * np.sqrt((chance * (1 - chance)).sum())
    assert set(year["contract_id"]) <= set(running["service_contract_id"])
    # What would have ended in the days of the offer does not, with the planted chance of its customer.
    window, planted = START + pd.Timedelta(days=OFFER_DAYS), people.set_index("customer_id")
    keys = ["contract", "contract_id", "customer_id"]
    alone, offered = (each[each["reaction"] == "ended"][[*keys, "at"]] for each in (alone, offered))
    both = alone.merge(offered, on=keys, how="outer", suffixes=("_alone", "_offered"))
    soon = both[both["at_alone"] < window]
    put_off = ~(soon["at_offered"] == soon["at_alone"])
    chance = planted.loc[soon["customer_id"], "kept"]
    assert len(soon) > 150
    assert abs(put_off.sum() - chance.sum()) < 4.5 * np.sqrt((chance * (1 - chance)).sum())
    assert (soon["at_offered"].dropna() >= soon["at_alone"][soon["at_offered"].notna()]).all()
    # What would have run on ends at the next chance with those who were reminded, and only with them.
    earlier = both[~(both["at_alone"] < window) & both["at_offered"].notna() & (both["at_offered"] != both["at_alone"])]
    assert len(earlier) and not (earlier["at_offered"] > earlier["at_alone"]).any()
    chance = planted["reminded"].reindex(pd.concat([running["customer_id"], _subscribers(company)])).dropna()
    assert 0.5 * chance.sum() < len(earlier) < chance.sum() + 4.5 * np.sqrt(chance.sum())


def _subscribers(company) -> pd.Series:
    return company.subscriptions.loc[company.subscriptions["end_date"].isna(), "customer_id"]


def test_without_lift_offers_change_no_purchase_and_no_contract():
    customers = hidden(absent="lift")["records"]["customer_id"].to_numpy()
    columns = ["customer_id", "reaction", "at"]
    options = {"people": 6000, "absent": "lift", "watch_contracts": True}
    one = _react(_acted(customers, "retention_offer"), **options)[columns]
    two = _react(_acted(customers, "no_contact"), **options)[columns]
    three = _react(_acted(customers, "win_back_offer"), **options)[columns]
    by = ["at", "customer_id", "reaction"]
    _same(*(each.sort_values(by, ignore_index=True) for each in (one, two)))
    _same(*(each.sort_values(by, ignore_index=True) for each in (three, two)))
    assert len(one) > 100


def test_effects_vary_without_steps_and_the_fickle_are_harder_to_keep():
    people = _everybody()
    for name in ("kept", "reminded", "won_back"):
        assert people[name].nunique() > 500 and people[name].between(0, 0.9).all()
        assert 0.5 < people[name].std() / people[name].mean() < 2
    assert people["kept"].corr(people["dropout_probability"], method="spearman") < -0.2
    assert people["reminded"].corr(people["weight_sleeping_dog"], method="spearman") > 0.5


# What cannot be


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"channel": None}, "channel None is not known|channel nan is not known"),
        ({"offer_cents": -1}, "offer_cents must be whole cents of at least 0 .found: -1"),
        ({"offer_cents": 10.5}, "offer_cents must be whole cents of at least 0 .found: 10.5"),
        ({"kind": "offer"}, "kind 'offer' is not known .known: no_contact, message, retention_offer, win_back_offer"),
    ],
)
def test_what_is_wrong_with_an_offer_is_named(columns, message):
    sent = _acted(_everybody()["customer_id"].to_numpy()[:3], "retention_offer").assign(**columns)
    with pytest.raises(ValueError, match=message):
        _react(sent)


def test_an_offer_needs_a_channel():
    sent = _acted(_everybody()["customer_id"].to_numpy()[:3], "win_back_offer").drop(columns="channel")
    with pytest.raises(ValueError, match="kind 'offer' need a column 'channel'"):
        _react(sent)


# The retention file


def _file(absent: str = "") -> tuple[pd.DataFrame, pd.DataFrame]:
    seen, planted = observed(absent=absent).retention_file, hidden(absent=absent)["retention_file_effects"]
    return seen, planted


def test_the_lottery_of_the_retention_file_shows_what_is_planted():
    seen, planted = _file()
    both = seen.merge(planted, on="member_id", validate="1:1")
    assert len(both) == len(seen) == 30_000
    assert set(seen["arm"]) == {"control", "credit", "advice"}
    for arm, mine in both.groupby("arm"):
        chance = mine[f"leaves_{arm}"]
        assert abs(mine["left_90_days"].sum() - chance.sum()) < 4.5 * np.sqrt((chance * (1 - chance)).sum())
        for other in ("control", "credit", "advice"):
            assert mine[f"leaves_{other}"].mean() == pytest.approx(both[f"leaves_{other}"].mean(), abs=0.004)
    mean = planted.drop(columns="member_id").mean()
    assert mean["leaves_credit"] < mean["leaves_control"] - 0.01 < mean["leaves_advice"] - 0.025
    assert mean["leaves_control"] == pytest.approx(0.1, abs=0.002)
    worse = planted["leaves_credit"] > planted["leaves_control"]
    assert 0.02 < worse.mean() < 0.6, "some would stay only if nobody reminded them"
    assert seen["left_date"].notna().equals(seen["left_90_days"])
    days = (seen["left_date"] - seen["sent_date"]).dt.days.dropna()
    assert days.between(0, 89).all()
    assert seen["left_date"].max() <= observed().as_of
    assert ((seen["credit_cents"] > 0) == ((seen["arm"] == "credit") & ~seen["left_90_days"])).all()


def test_the_riskiest_are_not_those_whom_the_credit_changes_most():
    _, planted = _file()
    saved = planted["leaves_control"] - planted["leaves_credit"]
    assert saved.corr(planted["leaves_control"], method="spearman") < 0.8
    top = planted["leaves_control"].rank(pct=True) > 0.9
    assert saved[top].sum() < 0.8 * saved.nlargest(int(top.sum())).sum()


def test_a_company_without_lift_has_a_file_without_effect():
    _, planted = _file("lift")
    for arm in ("credit", "advice"):
        assert planted[f"leaves_{arm}"].equals(planted["leaves_control"])


def test_a_company_without_leak_has_a_file_where_service_drives_nobody_away():
    seen, planted = _file("leak")
    both = seen.merge(planted, on="member_id")
    assert abs(both["complaints_12_months"].corr(both["leaves_control"])) < 0.08
    with_leak = _file()[0].merge(_file()[1], on="member_id")
    assert with_leak["complaints_12_months"].corr(with_leak["leaves_control"]) > 0.3
