"""The market reacts: the same to the same actions, as planted, and to nothing else."""

from __future__ import annotations

import functools
import shutil

import numpy as np
import pandas as pd
import pytest
from companies import company_folder, hidden, observed

from crmlab.company import Assumptions, open_company
from crmlab.company.future_purchases import clock_after
from crmlab.company.keyed_random import keyed_uniform
from crmlab.company.responding import EFFECT_DAYS
from crmlab.company.seasonal_clock import seasonal_clock

LARGE = 30_000
COLUMNS = ["action_id", "customer_id", "reaction", "at", "amount_cents", "discount_cents"]
START = pd.Timestamp("2026-01-01")


def actions(
    customers, kind="message", message="voucher", channel="email", at=START, first_id=1, **columns
) -> pd.DataFrame:
    """One action for each of these customers."""
    is_message = kind == "message"
    return pd.DataFrame(
        {
            "action_id": np.arange(first_id, first_id + len(customers)),
            "customer_id": np.asarray(customers),
            "at": pd.Timestamp(at),
            "kind": kind,
            "channel": channel if is_message else None,
            "message": message if is_message else None,
            **columns,
        }
    )


@functools.cache
def _first_records(people: int = LARGE) -> np.ndarray:
    records = hidden(people=people)["records"]
    return records.loc[~records["is_second_record"]].sort_values("person_id")["customer_id"].to_numpy()


@functools.cache
def _mixed() -> pd.DataFrame:
    """Messages of all kinds, at several moments, some to the same people, and some held out."""
    people = _first_records()[:3000]
    return pd.concat(
        [
            actions(people[:1500], at="2026-01-10 09:30"),
            actions(people[500:2000], message="new_roast", at="2026-01-17", first_id=10_001),
            actions(people[1000:2500], channel="post", message="gift_guide", at="2026-01-17", first_id=20_001),
            actions(people[2500:], kind="no_contact", at="2026-01-10 09:30", first_id=30_001),
            actions(people[:300], channel="phone", message="plan_advice", at="2026-02-20", first_id=40_001),
        ],
        ignore_index=True,
    )


def _same(one: pd.DataFrame, two: pd.DataFrame) -> None:
    pd.testing.assert_frame_equal(one, two, check_exact=True)


def _bought(reactions: pd.DataFrame, sent: pd.DataFrame, days: int = EFFECT_DAYS) -> np.ndarray:
    """For each action, whether something was bought within ``days`` days."""
    bought = reactions[reactions["reaction"] == "bought"].merge(sent, on="action_id", suffixes=("", "_sent"))
    in_time = bought["at"] < bought["at_sent"] + pd.Timedelta(days=days)
    return sent["action_id"].isin(bought.loc[in_time, "action_id"]).to_numpy()


# The same for the same


def test_reactions_have_the_columns_that_are_promised():
    reactions = observed(people=LARGE).react(_mixed(), "2026-03-31", seed=4)
    assert list(reactions.columns) == COLUMNS
    assert reactions["at"].is_monotonic_increasing
    assert reactions["at"].dtype == observed().orders["order_date"].dtype
    assert reactions["at"].between(START, pd.Timestamp("2026-04-01"), inclusive="left").all()
    assert set(reactions["reaction"]) == {"opened", "clicked", "bought", "opted_out"}
    bought = reactions["reaction"] == "bought"
    assert reactions.loc[bought, "amount_cents"].min() > 0
    assert reactions.loc[~bought, ["amount_cents", "discount_cents"]].isna().all(axis=None)
    both = reactions.merge(_mixed(), on=["action_id", "customer_id"], suffixes=("", "_sent"), validate="m:1")
    assert len(both) == len(reactions)
    assert (both["at"] >= both["at_sent"]).all()
    assert set(both.loc[both["reaction"].isin(["opened", "clicked"]), "channel"]) == {"email"}
    assert set(both.loc[both["kind"] == "no_contact", "reaction"]) == {"bought"}
    once = both[~bought.to_numpy()]
    assert not once.duplicated(["action_id", "reaction"]).any()


def test_the_order_of_rows_and_the_row_labels_do_not_matter():
    company = observed(people=LARGE)
    shuffled = _mixed().sample(frac=1, random_state=3)
    _same(company.react(shuffled, "2026-03-31", seed=4), company.react(_mixed(), "2026-03-31", seed=4))


def test_nobody_reacts_to_who_else_is_in_the_list():
    company = observed(people=LARGE)
    every = company.react(_mixed(), "2026-03-31", seed=4)
    some = _mixed()[_mixed()["customer_id"].isin(_first_records()[:3000:7])]
    alone = company.react(some, "2026-03-31", seed=4)
    _same(alone, every[every["action_id"].isin(some["action_id"])].reset_index(drop=True))
    assert len(alone) > 200


def test_names_of_actions_and_other_columns_do_not_matter():
    company = observed(people=LARGE)
    renamed = _mixed().assign(action_id=lambda frame: "a" + frame["action_id"].astype(str), person=1, second="x")
    one, two = (company.react(frame, "2026-03-31", seed=4) for frame in (_mixed(), renamed))
    one["action_id"] = "a" + one["action_id"].astype(str)
    by = ["at", "customer_id", "action_id", "reaction"]
    _same(one.sort_values(by, ignore_index=True), two.sort_values(by, ignore_index=True))


def test_the_seed_is_the_luck_of_the_market():
    company = observed(people=LARGE)
    one, again, other = (company.react(_mixed(), "2026-03-31", seed=seed) for seed in (4, 4, 5))
    _same(one, again)
    key = ["action_id", "reaction", "at"]
    assert len(one[key].merge(other[key], on=key)) < 0.05 * len(one)
    assert len(one) == pytest.approx(len(other), rel=0.1)
    assert len(company.react(_mixed(), "2026-03-31", seed=2**80)) > 0


def test_a_later_day_adds_to_what_was_before():
    company = observed(people=LARGE)
    whole = company.react(_mixed(), "2026-06-30", seed=4)
    for day in ("2026-02-20", "2026-03-03"):
        part = company.react(_mixed()[_mixed()["at"] <= day], day, seed=4)
        before = whole[whole["at"] < pd.Timestamp(day) + pd.Timedelta(days=1)]
        before = before[before["action_id"].isin(_mixed().loc[_mixed()["at"] <= day, "action_id"])]
        _same(part, before.reset_index(drop=True))
    # Also beyond the years for which the clock was run on.
    longer = company.react(_mixed(), "2029-12-31", seed=4)
    _same(longer[longer["at"] < "2026-07-01"].reset_index(drop=True), whole)


def test_nothing_that_was_given_is_changed():
    company = observed(people=LARGE)
    given = _mixed().copy()
    company.react(given, "2026-03-31", seed=4, history=given)
    _same(given, _mixed())


# As planted


def _planted(message: str, channel: str, days: int = EFFECT_DAYS) -> tuple[np.ndarray, np.ndarray]:
    """For each person: the chance of a purchase in the first days of the new year, left alone and contacted."""
    truth = hidden(people=LARGE)
    people = truth["tendencies"].merge(truth["relationships"], on="person_id").merge(truth["effects"], on="person_id")
    run = clock_after(Assumptions(), days)[people["clock_level"], days]
    alone = np.where(people["is_active"], -np.expm1(-people["rate_per_week"] * run), 0)
    persuasion = people[f"persuasion_{message}"] * np.where(people["is_active"], 1, Assumptions().lapsed_factor)
    put_off = people[f"put_off_{message}"]
    if channel != "email":
        persuasion = np.minimum(persuasion * people[f"factor_{channel}"], 0.9)
        put_off = np.minimum(put_off * {"phone": 1.5, "post": 0.5}[channel], 0.9)
    return alone, (persuasion + (1 - persuasion) * (1 - put_off) * alone).to_numpy()


@pytest.mark.parametrize(
    ("message", "channel"), [("voucher", "email"), ("new_roast", "post"), ("plan_advice", "phone")]
)
def test_the_difference_of_two_groups_is_the_planted_effect(message, channel):
    company, people = observed(people=LARGE), _first_records()
    alone, contacted = _planted(message, channel)
    in_test = keyed_uniform(9, "arm", people) < 0.5
    sent = pd.concat(
        [
            actions(people[in_test], message=message, channel=channel),
            actions(people[~in_test], kind="no_contact", first_id=100_001),
        ]
    )
    reactions = company.react(sent, "2026-01-31", seed=21)
    bought = pd.Series(_bought(reactions, sent), index=sent["customer_id"]).loc[people].to_numpy()
    for chosen, chance in ((in_test, contacted), (~in_test, alone)):
        noise = np.sqrt((chance[chosen] * (1 - chance[chosen])).sum())
        assert abs(bought[chosen].sum() - chance[chosen].sum()) < 4.5 * noise
    effect = bought[in_test].mean() - bought[~in_test].mean()
    noise = np.sqrt(contacted.mean() / in_test.sum() + alone.mean() / (~in_test).sum())
    assert abs(effect - (contacted - alone).mean()) < 4.5 * noise


@pytest.mark.parametrize("message", ["voucher", "plan_advice"])
def test_the_same_person_differs_by_the_effect_and_nothing_else(message):
    company, people = observed(people=LARGE), _first_records()
    alone, contacted = _planted(message, "email")
    one = company.react(actions(people, message=message), "2026-02-28", seed=22)
    two = company.react(actions(people, kind="no_contact"), "2026-02-28", seed=22)
    sent = actions(people)
    treated, held_out = _bought(one, sent), _bought(two, sent)
    changed = np.abs(contacted - alone)
    # With common luck the noise of the difference is that of those who change, not of all who buy.
    noise = np.sqrt((treated != held_out).sum())
    assert abs((treated.sum() - held_out.sum()) - (contacted - alone).sum()) < 4.5 * noise
    assert (treated != held_out).sum() < 0.6 * (treated.sum() + held_out.sum())
    assert changed.sum() > 50
    # After the effect has worn off they buy the same.
    later = [each[each["at"] >= START + pd.Timedelta(days=EFFECT_DAYS)] for each in (one, two)]
    later = [each.loc[each["reaction"] == "bought", ["customer_id", "at"]].reset_index(drop=True) for each in later]
    _same(*(each.sort_values(["at", "customer_id"], ignore_index=True) for each in later))
    assert len(later[0]) > 500


def test_those_held_out_do_what_they_would_have_done():
    company, people = observed(people=LARGE), _first_records()
    one = company.react(actions(people, kind="no_contact"), "2026-03-31", seed=23)
    assert set(one["reaction"]) == {"bought"}
    alone, _ = _planted("voucher", "email", 90)
    bought = _bought(one, actions(people), 90)
    assert abs(bought.sum() - alone.sum()) < 4.5 * np.sqrt((alone * (1 - alone)).sum())
    truth = hidden(people=LARGE)
    gone = truth["relationships"].loc[~truth["relationships"]["is_active"], "person_id"]
    gone = truth["records"].loc[truth["records"]["person_id"].isin(gone), "customer_id"]
    assert not one["customer_id"].isin(gone).any()
    # What is bought is worth what each person's orders are worth.
    both = one.merge(truth["records"], on="customer_id").merge(truth["effects"], on="person_id")
    assert np.log(both["amount_cents"].astype(float) / both["order_cents"]).mean() == pytest.approx(0, abs=0.05)
    assert (one["discount_cents"] == 0).all()


def test_those_who_leave_after_a_purchase_buy_no_more():
    company, people = observed(people=LARGE), _first_records()
    reactions = company.react(actions(people, kind="no_contact"), "2026-12-31", seed=23)
    count = reactions["customer_id"].value_counts()
    truth = hidden(people=LARGE)
    people_who = truth["records"].merge(truth["tendencies"], on="person_id").set_index("customer_id")
    fickle = people_who["dropout_probability"] > 0.4
    often = people_who["rate_per_week"] > 0.2
    mean = {name: count.reindex(people_who.index[group & often]).dropna().mean() for name, group in
            {"fickle": fickle, "true": ~fickle}.items()}  # fmt: skip
    assert mean["fickle"] < 2.7 < mean["true"]


def test_without_lift_messages_change_no_purchase():
    company = observed(absent="lift")
    people = _first_records(6000)
    one = company.react(actions(people), "2026-01-31", seed=2)
    two = company.react(actions(people, kind="no_contact"), "2026-01-31", seed=2)
    bought = [
        each.loc[each["reaction"] == "bought", ["customer_id", "at"]].reset_index(drop=True) for each in (one, two)
    ]
    _same(*bought)
    assert len(bought[0]) > 50
    assert (one["reaction"] == "opened").any()


def test_a_second_record_is_the_same_person():
    company, records = observed(people=LARGE), hidden(people=LARGE)["records"]
    twice = records[records["is_second_record"]].merge(
        records[~records["is_second_record"]], on="person_id", suffixes=("_second", "_first")
    )
    one = company.react(actions(twice["customer_id_first"]), "2026-06-30", seed=6)
    two = company.react(actions(twice["customer_id_second"]), "2026-06-30", seed=6)
    _same(one.drop(columns="customer_id"), two.drop(columns="customer_id"))
    assert len(one) > 100
    # Written to twice at one moment, they buy once.
    both = company.react(
        pd.concat([actions(twice["customer_id_first"]), actions(twice["customer_id_second"], first_id=50_001)]),
        "2026-06-30",
        seed=6,
    )
    own = [(each["reaction"] == "bought").sum() for each in (one, both)]
    assert own[1] < 1.3 * own[0]


def test_opt_outs_rise_with_every_message_and_end_what_follows():
    company, people = observed(people=LARGE), _first_records()[:12_000]
    weekly = [actions(people, at=START + pd.Timedelta(days=6 * i), first_id=100_000 * i) for i in range(5)]
    reactions = company.react(pd.concat(weekly), "2026-03-31", seed=8)
    reactions["number"] = reactions["action_id"] // 100_000
    out = reactions[reactions["reaction"] == "opted_out"]
    assert not out["customer_id"].duplicated().any()
    by_number = out.groupby("number").size()
    assert by_number.is_monotonic_increasing and by_number.iloc[-1] > 5 * by_number.iloc[0]
    seen = reactions[reactions["reaction"].isin(["opened", "clicked"])].merge(
        out[["customer_id", "at"]], on="customer_id", suffixes=("", "_out")
    )
    sent_after = START + pd.to_timedelta(6 * seen["number"], unit="D") > seen["at_out"]
    assert len(seen) > 50 and not sent_after.any()
    # As many in the last week, but sixty days apart, tire nobody.
    rested = [actions(people, at=START + pd.Timedelta(days=60 * i), first_id=100_000 * i) for i in range(5)]
    calm = company.react(pd.concat(rested), "2026-12-31", seed=8)
    assert (calm["reaction"] == "opted_out").sum() < 0.4 * len(out)


def test_history_tires_and_is_not_reacted_to():
    company, people = observed(people=LARGE), _first_records()[:12_000]
    late = actions(people, at="2026-01-20")
    earlier = pd.concat([actions(people, at=f"2026-01-{day}", first_id=100_000 * day) for day in (5, 10, 15)])
    fresh = company.react(late, "2026-02-28", seed=8)
    tired = company.react(late, "2026-02-28", seed=8, history=earlier[["customer_id", "at", "kind"]])
    assert set(tired["action_id"]) <= set(late["action_id"])
    count = [(each["reaction"] == "opted_out").sum() for each in (fresh, tired)]
    assert count[1] > 4 * count[0]
    assert (tired["reaction"] == "bought").sum() < (fresh["reaction"] == "bought").sum()
    watched = earlier.assign(kind="no_contact")[["customer_id", "at", "kind"]]
    _same(company.react(late, "2026-02-28", seed=8, history=watched), fresh)
    long_ago = earlier.assign(at=pd.Timestamp("2025-12-21"))[["customer_id", "at", "kind"]]
    _same(company.react(late, "2026-02-28", seed=8, history=long_ago), fresh)


def test_a_voucher_is_paid_to_those_too_who_would_have_bought_anyway():
    company, people = observed(people=LARGE), _first_records()
    plain = company.react(actions(people, kind="no_contact"), "2026-01-31", seed=3)
    large = company.react(actions(people, discount_percent=30), "2026-01-31", seed=3)
    usual = company.react(actions(people), "2026-01-31", seed=3)
    bought = large[large["reaction"] == "bought"]
    share = bought["discount_cents"] / (bought["amount_cents"] + bought["discount_cents"])
    in_time = bought["at"] < START + pd.Timedelta(days=EFFECT_DAYS)
    assert (share[in_time].astype(float) - 0.3).abs().max() < 0.002
    assert (share[~in_time] == 0).all()
    anyway = bought.merge(plain[plain["reaction"] == "bought"], on=["customer_id", "at"], suffixes=("", "_plain"))
    assert (anyway["amount_cents"] + anyway["discount_cents"] == anyway["amount_cents_plain"]).all()
    assert anyway["discount_cents"].sum() > 0.2 * bought["discount_cents"].sum()
    sent = actions(people)
    assert _bought(large, sent).sum() > _bought(usual, sent).sum() > _bought(plain, sent).sum()
    nothing = company.react(actions(people, discount_percent=0), "2026-01-31", seed=3)
    assert _bought(nothing, sent).sum() <= _bought(plain, sent).sum()


def test_the_clock_runs_on_at_its_own_pace():
    given = Assumptions()
    after = clock_after(given, 800)
    assert after.shape == (len(after), 801) and (after[:, 0] == 0).all()
    assert (np.diff(after, axis=1) > 0).all()
    before = seasonal_clock(given).clock_weeks
    # The same days of the year before: January to mid November, all clocks.
    year = [before[:, 731 + days] - before[:, 731] for days in (59, 310)]
    for days, old in zip((59, 310), year, strict=True):
        np.testing.assert_allclose(after[:, days], old, rtol=0.03)
    np.testing.assert_allclose(clock_after(given, 100), after[:, :101], rtol=1e-3)


def test_nobody_to_react_is_no_error():
    company = observed(people=LARGE)
    empty = company.react(_mixed().iloc[:0], "2026-03-31", seed=4)
    assert list(empty.columns) == COLUMNS and len(empty) == 0
    assert (empty.dtypes == company.react(_mixed(), "2026-03-31", seed=4).dtypes).all()


# What cannot be


def _with(**columns) -> pd.DataFrame:
    return actions(_first_records()[:3]).assign(**columns)


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (lambda: _with().drop(columns="at"), r"actions has no column 'at' \(found: action_id, customer_id, kind"),
        (lambda: _with().drop(columns="channel"), r"actions of kind 'message' need a column 'channel' \(found: "),
        (
            lambda: _with(kind="reward"),
            r"kind 'reward' is not known \(known: no_contact, message, retention_offer, win_back_offer\)",
        ),
        (lambda: _with(message="sale"), r"message 'sale' is not known \(known: voucher, new_roast, gift_guide, plan"),
        (lambda: _with(channel=None), r"channel None is not known|channel nan is not known"),
        (lambda: _with(channel="fax"), r"channel 'fax' is not known \(known: email, phone, post\)"),
        (lambda: _with(action_id=7), "action_id 7 stands there more than once"),
        (lambda: _with(action_id=[1, 2, None]), "action_id is missing in 1 rows"),
        (lambda: _with(customer_id=-4), r"customer_id -4 is not in customers \(3 such rows\)"),
        (lambda: _with(at="2026-01-01"), r"at must hold dates, without a time zone \(found: str|object\)"),
        (lambda: _with(at=START.tz_localize("UTC")), r"at must hold dates, without a time zone"),
        (lambda: _with(at=pd.NaT), "at is missing in 3 rows"),
        (lambda: _with(at=pd.Timestamp("2025-12-30")), "at 2025-12-30 00:00:00 lies before the days"),
        (lambda: _with(at=pd.Timestamp("2026-02-01")), r"lies after the days .*from 2025-12-31 to 2026-01-31"),
        (lambda: _with(discount_percent=120), r"discount_percent must be a whole number from 0 to 100 \(found: 120"),
        (lambda: _with(message="new_roast", discount_percent=5), "must be 0 unless the message is 'voucher'"),
        (lambda: "letters", r"actions must be a pandas frame \(found: str\)"),
    ],
)
def test_what_is_wrong_with_the_actions_is_named(frame, message):
    with pytest.raises(ValueError, match=message):
        observed(people=LARGE).react(frame(), "2026-01-31", seed=1)


@pytest.mark.parametrize(
    ("until", "seed", "message"),
    [
        ("2025-12-30", 1, "until must be a day from 2025-12-31 on .found: '2025-12-30'"),
        (None, 1, "until must be a day .*found: None"),
        ("2026-01-31", -1, "seed must be a whole number of at least 0 .found: -1"),
        ("2026-01-31", 1.5, "seed must be .*found: 1.5"),
    ],
)
def test_a_day_or_seed_that_cannot_be_is_refused(until, seed, message):
    with pytest.raises(ValueError, match=message):
        observed(people=LARGE).react(_with(), until, seed=seed)


def test_a_history_that_cannot_be_read_is_named():
    with pytest.raises(ValueError, match="history has no column 'kind'"):
        observed(people=LARGE).react(_with(), "2026-01-31", seed=1, history=_with()[["customer_id", "at"]])


def test_without_the_hidden_truth_there_are_no_reactions(tmp_path):
    shutil.copytree(company_folder(), tmp_path / "seen", ignore=shutil.ignore_patterns("truth"))
    company = open_company(tmp_path / "seen")
    sent = actions(company.customers["customer_id"].head(3))
    with pytest.raises(FileNotFoundError, match="reactions come from the hidden truth, which is not here"):
        company.react(sent, "2026-01-31", seed=1)


def test_numbers_by_key_are_even_and_of_their_key_alone():
    keys = np.arange(200_000)
    numbers = keyed_uniform(1, "a", keys, keys % 7)
    assert numbers.min() > 0 and numbers.max() < 1
    counts = np.histogram(numbers, bins=100, range=(0, 1))[0]
    assert ((counts - 2000) ** 2 / 2000).sum() < 160
    assert abs(np.corrcoef(numbers[:-1], numbers[1:])[0, 1]) < 0.01
    for other in (keyed_uniform(2, "a", keys, keys % 7), keyed_uniform(1, "b", keys, keys % 7)):
        assert abs(np.corrcoef(numbers, other)[0, 1]) < 0.01
    some = np.array([5, 199_999, 5])
    assert (keyed_uniform(1, "a", some, some % 7) == numbers[some]).all()
