"""Campaigns, the campaign file, prospects and web visits: they fit together, and what was planted can be found."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from companies import hidden, observed

from crmlab.company import Assumptions, draw_assumptions, generate
from crmlab.company.block import BLOCK_PEOPLE, Block, Made
from crmlab.company.campaign_file import CONVERSION_DAYS, FILE_ARMS, FILE_CONTACTS, FOLLOWED_DAYS, draw_campaign_file
from crmlab.company.domains import draw_company_wide
from crmlab.company.observed import open_company, to_pandas
from crmlab.company.responding import EFFECT_DAYS, KINDS_OF_RESPONSE, MESSAGES

LARGE = 30_000
MESSAGES_BY_EMAIL = ("voucher", "new_roast")
KEYS = {
    "campaign_contacts": "campaign_contact_id",
    "campaign_file": "contact_id",
    "campaign_responses": "campaign_response_id",
    "campaigns": "campaign_id",
    "prospect_events": "prospect_event_id",
    "prospects": "prospect_id",
    "web_visits": "web_visit_id",
}
REFERENCES = [
    ("campaign_contacts", "campaign_id", "campaigns", "campaign_id"),
    ("campaign_contacts", "contact_point_id", "contact_points", "contact_point_id"),
    ("campaign_contacts", "customer_id", "customers", "customer_id"),
    ("campaign_responses", "campaign_contact_id", "campaign_contacts", "campaign_contact_id"),
    ("campaign_responses", "order_id", "orders", "order_id"),
    ("prospect_events", "prospect_id", "prospects", "prospect_id"),
    ("prospects", "territory_id", "territories", "territory_id"),
    ("web_visits", "customer_id", "customers", "customer_id"),
    ("web_visits", "product_id", "products", "product_id"),
]
IN_ORDER_OF_TIME = {
    "campaign_responses": "response_date",
    "campaigns": "start_date",
    "prospect_events": "event_date",
    "web_visits": "visited_at",
}
CLOSED_LISTS = [
    ("campaigns", "objective"),
    ("campaigns", "channel"),
    ("campaigns", "message"),
    ("campaigns", "purpose"),
    ("campaign_contacts", "arm"),
    ("campaign_responses", "reaction"),
    ("campaign_file", "arm"),
    ("campaign_file", "main_channel"),
    ("campaign_file", "newsletter_interest"),
    ("web_visits", "page"),
    ("web_visits", "variant"),
    ("prospects", "source"),
    ("prospect_events", "event"),
]


def _file(seed: int = 11, absent: str = "") -> pd.DataFrame:
    """The campaign file with its truth beside it."""
    truth = hidden(seed, absent)["campaign_file_effects"]
    return observed(seed, absent).campaign_file.merge(truth, on="contact_id", validate="1:1")


def _contacts(people: int = LARGE, absent: str = "") -> pd.DataFrame:
    """Contacts of campaigns, a row a person, with the truth, the campaign, and whether the person ordered in time."""
    company, truth = observed(absent=absent, people=people), hidden(absent=absent, people=people)
    contacts = (
        company.campaign_contacts.merge(company.campaigns, on="campaign_id")
        .merge(truth["records"], on="customer_id")
        .merge(truth["campaign_effects"], on="campaign_contact_id", validate="1:1")
        .drop_duplicates(["campaign_id", "person_id"])
    )
    orders = company.orders[company.orders["subscription_id"].isna()].merge(truth["records"], on="customer_id")
    pairs = contacts[["campaign_contact_id", "person_id", "start_date", "end_date"]].merge(orders, on="person_id")
    bought = pairs[pairs["order_date"].between(pairs["start_date"], pairs["end_date"])]["campaign_contact_id"]
    return contacts.assign(bought=contacts["campaign_contact_id"].isin(bought), sent=contacts["arm"] == "treatment")


def _sd(chance) -> float:
    """Standard deviation of a count of events with these chances."""
    return float(np.sqrt((chance * (1 - chance)).sum()))


# Tables


@pytest.mark.parametrize(("table", "key"), KEYS.items())
def test_each_row_has_a_number_of_its_own(table, key):
    assert getattr(observed(), table)[key].is_unique


@pytest.mark.parametrize(("table", "column", "other", "key"), REFERENCES)
def test_references_lead_somewhere(table, column, other, key):
    values = getattr(observed(), table)[column].dropna()
    assert len(values) > 0
    assert values.isin(getattr(observed(), other)[key]).all()


@pytest.mark.parametrize(("table", "column"), IN_ORDER_OF_TIME.items())
def test_rows_are_numbered_in_the_order_of_time(table, column):
    assert getattr(observed(), table)[column].is_monotonic_increasing


@pytest.mark.parametrize(("table", "column"), CLOSED_LISTS)
def test_the_dictionary_names_every_value(table, column):
    dictionary = (Path(__file__).parents[1] / "datasets" / "README.md").read_text(encoding="utf-8")
    section = dictionary.split(f"### {table}: ")[1].split("### ")[0]
    line = re.search(rf"^- `{column}`.*$", section, flags=re.MULTILINE).group()
    for value in getattr(observed(), table)[column].dropna().unique():
        assert value in line, value


def test_one_truth_a_row():
    company, truth = observed(), hidden()
    for table, name, key in [
        ("campaign_contacts", "campaign_effects", "campaign_contact_id"),
        ("campaign_file", "campaign_file_effects", "contact_id"),
        ("prospects", "prospects", "prospect_id"),
        ("web_visits", "web_visits", "web_visit_id"),
    ]:
        assert truth[name][key].tolist() == getattr(company, table)[key].tolist()
    assert truth["effects"]["person_id"].tolist() == truth["tendencies"]["person_id"].tolist()


def test_the_tables_of_two_blocks_fit_together(tmp_path):
    company = open_company(generate(BLOCK_PEOPLE + 300, 8, tmp_path / "company"))
    for table, key in KEYS.items():
        assert getattr(company, table)[key].is_unique, table
    for table, column, other, key in REFERENCES:
        assert getattr(company, table)[column].dropna().isin(getattr(company, other)[key]).all(), (table, column)
    assert company.web_visits.groupby("visitor_id")["customer_id"].nunique().max() == 1
    assert len(company.campaigns) == company.campaigns["name"].nunique()
    assert (company.campaign_file["contact_id"] == np.arange(1, FILE_CONTACTS + 1)).all()


def test_settings_that_came_later_left_the_earlier_ones_alone():
    given = draw_assumptions(1)
    assert (given.purchase_r, given.contract_b, given.absent) == (0.677, 2.8505, "")
    assert len({draw_assumptions(seed).voucher_persuasion for seed in range(20)}) == 20


# Effects


def test_people_lean_towards_all_four_kinds_and_every_kind_is_there():
    effects = hidden(people=LARGE)["effects"]
    weights = effects[[f"weight_{kind}" for kind in KINDS_OF_RESPONSE]]
    np.testing.assert_allclose(weights.sum(axis=1), 1, atol=0.003)
    share = effects["kind"].value_counts(normalize=True)
    assert set(share.index) == set(KINDS_OF_RESPONSE)
    assert share.min() > 0.03 and share.max() < 0.6
    assert share["sleeping_dog"] == share.min()
    # Mixtures: most people lean clearly one way, few wholly.
    assert 0.45 < weights.max(axis=1).median() < 0.8
    assert (weights.max(axis=1) > 0.95).mean() < 0.08


def _uplift(effects: pd.DataFrame, message: str) -> pd.Series:
    baseline, persuasion = effects["baseline_14_days"], effects[f"persuasion_{message}"]
    return persuasion + (1 - persuasion) * (1 - effects[f"put_off_{message}"]) * baseline - baseline


def test_persuadables_are_persuaded_and_sleeping_dogs_are_woken():
    truth = hidden(people=LARGE)
    effects = truth["effects"].merge(truth["relationships"], on="person_id")
    effects = effects[effects["is_active"]]
    for message in MESSAGES[:3]:
        by_kind = _uplift(effects, message).groupby(effects["kind"]).mean()
        assert by_kind.idxmax() == "persuadable" and by_kind.idxmin() == "sleeping_dog"
        assert by_kind["sleeping_dog"] < 0
    base = effects.groupby("kind")["baseline_14_days"].mean()
    assert base["sure_thing"] > 2 * base["lost_cause"]
    # The sizes that the assumptions name, in the mean of those who still need coffee.
    given = Assumptions()
    assert effects["persuasion_voucher"].mean() == pytest.approx(given.voucher_persuasion, rel=0.3)
    assert _uplift(effects, "plan_advice").mean() < 0 < _uplift(effects, "voucher").mean()


def test_behaviour_tells_something_of_the_effects_and_the_riskiest_are_not_the_best_targets():
    company, truth = observed(people=LARGE), hidden(people=LARGE)
    orders = company.orders.assign(voucher=company.orders["voucher_percent"] > 0)
    orders = orders.merge(truth["records"], on="customer_id").groupby("person_id")
    seen = pd.DataFrame({"vouchers": orders["voucher"].mean()})
    seen["since"] = (company.as_of - orders["order_date"].max()).dt.days
    both = truth["effects"].merge(truth["tendencies"], on="person_id").merge(truth["relationships"], on="person_id")
    both = both.merge(seen, on="person_id")
    uplift = _uplift(both, "voucher")
    assert both["vouchers"].corr(both["persuasion_voucher"], method="spearman") > 0.2
    assert both["vouchers"].corr(both["persuasion_voucher"], method="spearman") < 0.8
    assert both["since"].corr(both["baseline_14_days"], method="spearman") < -0.3
    active = both["is_active"]
    riskiest = both["dropout_probability"] >= both.loc[active, "dropout_probability"].quantile(0.9)
    persuadable = uplift >= uplift[active].quantile(0.9)
    assert uplift[active & riskiest].mean() < uplift[active].mean()
    assert (active & riskiest & persuadable).sum() < 0.15 * (active & riskiest).sum()


def test_without_lift_nothing_is_persuaded_or_put_off():
    truth = hidden(absent="lift")
    effects = truth["effects"].filter(regex="^(persuasion|put_off)_")
    assert effects.shape[1] == 2 * len(MESSAGES) and (effects == 0).all(axis=None)
    past = truth["campaign_effects"]
    assert len(past) > 1000
    assert (past["order_probability_alone"] == past["order_probability_contacted"]).all()
    file = truth["campaign_file_effects"]
    for days in (CONVERSION_DAYS, FOLLOWED_DAYS):
        for arm in FILE_ARMS[1:]:
            assert (file[f"{arm}_{days}_days"] == file[f"control_{days}_days"]).all()
    assert truth["web_visits"]["click_probability"].dropna().nunique() <= 2


# The campaign file


def test_the_arms_of_the_file_are_of_one_size_and_alike():
    file = _file()
    size = file["arm"].value_counts()
    assert len(file) >= 64_000 and size.max() - size.min() <= 1
    for column in ("days_since_last_purchase", "orders_2_years", "vouchers_used", "tenure_days"):
        means, spread = file.groupby("arm")[column].mean(), file[column].std()
        assert means.max() - means.min() < 4.5 * spread * np.sqrt(2 / size.min())


@pytest.mark.parametrize("absent", ["", "lift"])
@pytest.mark.parametrize("days", [CONVERSION_DAYS, FOLLOWED_DAYS])
def test_the_file_shows_the_effects_that_were_planted(absent, days):
    file = _file(absent=absent)
    bought = file[f"bought_{days}_days"]
    for message in MESSAGES_BY_EMAIL:
        planted = (file[f"{message}_{days}_days"] - file[f"control_{days}_days"]).mean()
        treated, control = file["arm"] == message, file["arm"] == "control"
        seen = bought[treated].mean() - bought[control].mean()
        noise = np.hypot(
            _sd(file.loc[treated, f"{message}_{days}_days"]) / treated.sum(),
            _sd(file.loc[control, f"control_{days}_days"]) / control.sum(),
        )
        # The two arms are different people, but drawn by one lottery from all.
        assert abs(seen - planted) < 4.5 * noise
        for arm, chosen in ((message, treated), ("control", control)):
            for kind in KINDS_OF_RESPONSE:
                here = chosen & (file["kind"] == kind)
                chance = file.loc[here, f"{arm}_{days}_days"]
                assert here.sum() > 500
                assert abs(bought[here].sum() - chance.sum()) < 4.5 * _sd(chance)


def test_the_sizes_in_the_file_are_those_of_practice():
    file, given = _file(), Assumptions()
    assert file["control_14_days"].mean() == pytest.approx(given.file_baseline, rel=0.05)
    for message, uplift in (("voucher", given.file_voucher_uplift), ("new_roast", given.file_new_roast_uplift)):
        effect = file[f"{message}_14_days"] - file["control_14_days"]
        assert effect.mean() == pytest.approx(uplift, rel=0.02)
        assert 0.08 < (effect < -0.0001).mean() < 0.25
        by_kind = effect.groupby(file["kind"]).mean()
        assert by_kind.idxmax() == "persuadable" and by_kind.idxmin() == "sleeping_dog" and by_kind.min() < 0
    assert file["kind"].value_counts(normalize=True).min() > 0.05
    assert not any(np.isclose(draw_assumptions(seed).file_baseline, given.file_baseline) for seed in range(5))


def test_an_uplift_model_finds_something_in_the_file():
    """Two models on one half of the people; on the other half those ranked high have the larger planted effect."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    file = _file()
    features = pd.get_dummies(
        file[["days_since_last_purchase", "orders_2_years", "vouchers_used", "newsletter_interest"]], dtype=float
    )
    features["recent"] = np.exp(-features["days_since_last_purchase"] / 180)
    scaled = StandardScaler().fit_transform(features)
    first = file["contact_id"] % 2 == 0
    score = {}
    for arm in ("control", "voucher"):
        here = (first & (file["arm"] == arm)).to_numpy()
        model = LogisticRegression(C=0.1, max_iter=500).fit(scaled[here], file.loc[here, "bought_60_days"])
        score[arm] = model.predict_proba(scaled[~first])[:, 1]
    ranked = pd.Series(score["voucher"] - score["control"]).rank(pct=True).to_numpy()
    effect = (file["voucher_14_days"] - file["control_14_days"])[~first].to_numpy()
    assert effect[ranked > 0.8].mean() > 1.4 * effect.mean()
    # Who buys most anyway is not who is persuaded most.
    likely = pd.Series(score["control"]).rank(pct=True).to_numpy()
    assert effect[likely > 0.8].mean() < effect[ranked > 0.8].mean()


def test_dates_and_money_of_the_file_agree():
    file = _file()
    sent = file["sent_date"].iloc[0]
    assert (file["sent_date"] == sent).all()
    assert sent + pd.Timedelta(days=FOLLOWED_DAYS) <= observed().as_of
    wait = (file["response_date"] - sent).dt.days
    assert wait.min() == 0 and wait.max() == FOLLOWED_DAYS - 1
    assert (file["bought_60_days"] == wait.notna()).all()
    assert (file["bought_14_days"] == (wait < CONVERSION_DAYS)).all()
    assert ((file["spent_cents"] > 0) == file["bought_60_days"]).all()
    control = file["arm"] == "control"
    assert file.loc[control, ["opened_date", "clicked_date", "opted_out_date"]].isna().all(axis=None)
    assert file.loc[file["clicked_date"].notna(), "opened_date"].notna().all()
    assert (file["contact_cost_cents"] == np.where(control, 0, 3)).all()
    # Opened is not bought.
    opened = file["opened_date"].notna()
    assert 0.2 < opened[~control].mean() < 0.6
    assert file.loc[opened, "bought_14_days"].mean() < 0.1
    assert (file["days_since_last_purchase"] <= file["tenure_days"]).all()
    assert (file["vouchers_used"] <= file["orders_2_years"]).all()


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
def test_other_companies_have_files_of_their_own(seed):
    given = draw_assumptions(seed)
    made = Made()
    for name, drawn in draw_company_wide(seed, given).items():
        made.add(name, drawn)
    drawn = draw_campaign_file(Block(seed, given), made)
    file = to_pandas(drawn.tables["campaign_file"]).merge(
        to_pandas(drawn.truth["campaign_file_effects"]), on="contact_id"
    )
    for arm in FILE_ARMS:
        here = file["arm"] == arm
        chance = file.loc[here, f"{arm}_14_days"]
        assert abs(file.loc[here, "bought_14_days"].sum() - chance.sum()) < 4.5 * _sd(chance)


# Past campaigns


def test_nobody_is_contacted_without_permission_that_day():
    company = observed(people=LARGE)
    contacts = company.campaign_contacts.merge(company.campaigns, on="campaign_id")
    points = company.contact_points.assign(value=lambda frame: frame["value"].str.lower())
    contacts = contacts.merge(points, on=["contact_point_id", "customer_id"], validate="m:1")
    assert (contacts["kind"] == contacts["channel"]).all()
    consents = company.consents.assign(value=lambda frame: frame["value"].str.lower())
    said = contacts.merge(consents, on=["kind", "value"])
    said = said[said["consent_date"] <= said["start_date"]]
    needed = np.where(said["kind"] == "email", "confirmed_opt_in", "opt_in")
    permitted = set(said.loc[said["action"] == needed, "campaign_contact_id"])
    withdrawn = set(said.loc[said["action"] == "opt_out", "campaign_contact_id"])
    assert (~contacts["campaign_contact_id"].isin(permitted)).sum() == 0
    assert contacts["campaign_contact_id"].isin(withdrawn).sum() == 0


def test_an_opt_out_also_counts_for_the_persons_other_record_and_for_later_campaigns():
    company, truth = observed(people=LARGE), hidden(people=LARGE)
    contacts = company.campaign_contacts.merge(company.campaigns, on="campaign_id").merge(
        truth["records"], on="customer_id"
    )
    points = company.contact_points.merge(truth["records"], on="customer_id")
    out = company.consents[company.consents["action"] == "opt_out"].assign(value=lambda f: f["value"].str.lower())
    points["value"] = points["value"].str.lower()
    out = points.merge(out, on=["kind", "value"])[["person_id", "kind", "consent_date"]]
    both = contacts.merge(out, left_on=["person_id", "channel"], right_on=["person_id", "kind"])
    assert (both["consent_date"] > both["start_date"]).all() and len(both) > 100

    answers = company.campaign_responses
    left = answers[answers["reaction"] == "opted_out"].merge(contacts, on="campaign_contact_id")
    later = contacts.merge(left[["person_id", "channel", "response_date"]], on=["person_id", "channel"])
    assert len(left) > 100
    assert (later["start_date"] <= later["response_date"]).all()


def test_lists_take_whom_they_say_and_each_record_once():
    company, truth = observed(), hidden()
    contacts = company.campaign_contacts.merge(company.campaigns, on="campaign_id")
    assert not contacts.duplicated(["campaign_id", "customer_id"]).any()
    assert (contacts["arm"].eq("treatment") == contacts["sent_date"].notna()).all()
    assert (contacts["sent_date"].dropna() == contacts.loc[contacts["sent_date"].notna(), "start_date"]).all()
    assert (contacts.loc[contacts["holdout_share"] == 0, "arm"] == "treatment").all()
    orders = company.orders[company.orders["subscription_id"].isna()]
    orders = orders.merge(truth["records"], on="customer_id")[["person_id", "order_date"]]
    pairs = contacts.merge(truth["records"], on="customer_id").merge(orders, on="person_id")
    pairs = pairs[pairs["order_date"] < pairs["start_date"]]
    last = pairs.groupby("campaign_contact_id")["order_date"].max()
    since = (contacts["start_date"] - contacts["campaign_contact_id"].map(last)).dt.days
    assert since.between(contacts["min_days_since_purchase"], contacts["max_days_since_purchase"]).all()
    assert 10 <= len(company.campaigns) <= 16
    assert (company.campaigns["holdout_share"] == 0).sum() >= 2
    ends = company.campaigns["end_date"] - company.campaigns["start_date"]
    assert (ends == pd.Timedelta(days=EFFECT_DAYS - 1)).all()


def test_the_lot_knows_nothing_of_what_was_before():
    contacts = _contacts()
    contacts = contacts[contacts["holdout_share"] > 0]
    surprise = contacts["sent"] - (1 - contacts["holdout_share"])
    sd = np.sqrt(contacts["holdout_share"] * (1 - contacts["holdout_share"]))
    assert abs(surprise.sum()) < 4.5 * np.sqrt((sd**2).sum())
    truth = hidden(people=LARGE)
    traits = contacts.merge(truth["tendencies"], on="person_id").merge(truth["effects"], on="person_id")
    for column in ("rate_per_week", "dropout_probability", "weight_bargain_hunter", "weight_persuadable"):
        standard = (traits[column] - traits[column].mean()) / traits[column].std()
        together = (standard.to_numpy() * surprise.to_numpy()).sum()
        assert abs(together) < 4.5 * np.sqrt((standard.to_numpy() ** 2 * sd.to_numpy() ** 2).sum()), column


@pytest.mark.parametrize("absent", ["", "lift"])
def test_the_orders_show_the_effects_that_were_planted(absent):
    contacts = _contacts(absent=absent)
    for sent, column in ((True, "order_probability_contacted"), (False, "order_probability_alone")):
        here = contacts[contacts["sent"] == sent]
        assert abs(here["bought"].sum() - here[column].sum()) < 4.5 * _sd(here[column])
    tested = contacts[contacts["holdout_share"] > 0]
    weight = np.where(tested["sent"], 1 / (1 - tested["holdout_share"]), -1 / tested["holdout_share"])
    chance = np.where(tested["sent"], tested["order_probability_contacted"], tested["order_probability_alone"])
    seen = (weight * (tested["bought"] - chance)).sum()
    # Whose chance is in which arm is luck too: what is left is the luck of buying.
    assert abs(seen) < 4.5 * np.sqrt((weight**2 * chance * (1 - chance)).sum())


def test_past_campaigns_worked_as_their_messages_do():
    contacts = _contacts()
    effect = contacts["order_probability_contacted"] - contacts["order_probability_alone"]
    by_message = effect.groupby(contacts["message"]).mean()
    assert by_message.idxmax() == "voucher" and by_message["new_roast"] > 0 > by_message["plan_advice"]
    assert by_message.abs().max() < 0.05


def test_purchases_among_the_responses_are_the_orders_of_these_days():
    company = observed()
    contacts = company.campaign_contacts.merge(company.campaigns, on="campaign_id")
    responses = company.campaign_responses.merge(contacts, on="campaign_contact_id")
    bought = responses[responses["reaction"] == "bought"].merge(
        company.orders, on="order_id", suffixes=("", "_of_order"), validate="1:1"
    )
    assert (bought["amount_cents"] == bought["amount_cents_of_order"]).all()
    assert (bought["customer_id"] == bought["customer_id_of_order"]).all()
    assert (bought["response_date"] == bought["order_date"]).all()
    own = company.orders[company.orders["subscription_id"].isna()].merge(contacts, on="customer_id")
    in_time = own["order_date"].between(own["start_date"], own["end_date"])
    assert set(own.loc[in_time, "order_id"]) == set(bought["order_id"])
    assert set(bought["arm"]) == {"treatment", "control"}
    others = responses[responses["reaction"] != "bought"]
    assert (others["arm"] == "treatment").all()
    assert others[["order_id", "amount_cents", "credit_cents"]].isna().all(axis=None)
    assert set(responses.loc[responses["reaction"].isin(["opened", "clicked"]), "channel"]) == {"email"}
    assert (responses["response_date"] >= responses["start_date"]).all()
    clicked = set(responses.loc[responses["reaction"] == "clicked", "campaign_contact_id"])
    assert clicked <= set(responses.loc[responses["reaction"] == "opened", "campaign_contact_id"])
    credit = bought["credit_cents"]
    assert (credit.notna() == (bought["message"].eq("voucher") & bought["arm"].eq("treatment"))).all()
    assert ((bought["amount_cents"] * bought["discount_percent"] / 100 - credit).dropna().abs() <= 0.5).all()


def test_opt_outs_rise_with_the_messages_of_thirty_days():
    company, truth = observed(people=LARGE), hidden(people=LARGE)
    sent = company.campaign_contacts.dropna(subset="sent_date").merge(truth["records"], on="customer_id")
    sent = sent.merge(company.campaigns[["campaign_id", "channel"]], on="campaign_id")
    sent = sent.drop_duplicates(["campaign_id", "person_id"]).sort_values("sent_date")
    pairs = sent.merge(sent[["person_id", "sent_date"]], on="person_id", suffixes=("", "_other"))
    days = (pairs["sent_date"] - pairs["sent_date_other"]).dt.days
    number = days.between(0, 29).groupby(pairs["campaign_contact_id"]).sum()
    responses = company.campaign_responses
    out = set(responses.loc[responses["reaction"] == "opted_out", "campaign_contact_id"])
    sent = sent[sent["channel"] == "email"].assign(
        number=lambda frame: frame["campaign_contact_id"].map(number),
        out=lambda frame: frame["campaign_contact_id"].isin(out),
    )
    rate = sent.groupby("number")["out"].agg(["mean", "size"])
    assert list(rate.index) == [1, 2, 3]
    assert rate["mean"].is_monotonic_increasing
    assert rate.loc[2, "mean"] > 1.5 * rate.loc[1, "mean"]


# Prospects and web visits


def test_twins_are_like_the_best_customers():
    company, truth = observed(people=LARGE), hidden(people=LARGE)
    prospects = company.prospects.merge(truth["prospects"], on="prospect_id")
    assert (prospects["is_twin"] == prospects["twin_of_person_id"].notna()).all()
    assert prospects["is_twin"].mean() == pytest.approx(Assumptions().twin_share, abs=0.03)
    spent = company.orders.merge(truth["records"], on="customer_id").groupby("person_id")["amount_cents"].sum()
    twins = prospects[prospects["is_twin"]]
    assert spent.rank(pct=True)[twins["twin_of_person_id"]].min() > 0.94
    of = company.customers.merge(truth["records"][~truth["records"]["is_second_record"]], on="customer_id")
    of = twins.merge(of, left_on="twin_of_person_id", right_on="person_id", suffixes=("", "_twin"))
    assert (of["territory_id"] == of["territory_id_twin"]).mean() > 0.8
    income = of[["yearly_income_cents", "yearly_income_cents_twin"]].dropna().astype(float)
    assert len(income) > 50
    assert ((income.iloc[:, 0] / income.iloc[:, 1]) - 1).abs().median() < 0.1


def test_prospects_have_not_bought_and_their_events_tell_of_intent():
    company, truth = observed(people=LARGE), hidden(people=LARGE)
    prospects = company.prospects.merge(truth["prospects"], on="prospect_id")
    emails = company.contact_points.loc[company.contact_points["kind"] == "email", "value"].str.lower()
    assert not prospects["email"].isin(set(emails)).any() and prospects["email"].is_unique
    assert prospects["email"].str.fullmatch(r"[a-z-]+\.p\d+@example\.(com|org)").all()
    events = company.prospect_events.merge(prospects[["prospect_id", "created_date"]], on="prospect_id")
    assert (events["event_date"] >= events["created_date"]).all()
    strong = events[events["event"].isin(["price_question", "basket_left", "demo_request"])]
    prospects["strong"] = prospects["prospect_id"].map(strong["prospect_id"].value_counts()).fillna(0)
    top = prospects.nlargest(50, "strong")
    assert top["will_buy_90_days"].mean() > 2 * prospects["will_buy_90_days"].mean()
    chance = prospects["purchase_probability_90_days"]
    assert abs(prospects["will_buy_90_days"].sum() - chance.sum()) < 4.5 * _sd(chance)


def test_cookies_decide_what_is_known():
    visits, truth = observed().web_visits, hidden()
    refused = ~visits["cookie_consent"]
    assert 0.2 < refused.mean() < 0.6
    assert visits.loc[refused, ["visitor_id", "customer_id"]].isna().all(axis=None)
    assert visits.loc[~refused, "visitor_id"].notna().all()
    known = visits[visits["customer_id"].notna()]
    assert set(known["page"]) == {"login", "basket"}
    # A visitor's id leads to one person, also before the login: whom it is joined to is who it was.
    who = visits.merge(truth["web_visits"], on="web_visit_id").merge(
        truth["records"].rename(columns={"person_id": "person_of_customer"}), on="customer_id", how="left"
    )
    seen = who.dropna(subset="customer_id")
    assert (seen["person_id"] == seen["person_of_customer"]).all()
    by_visitor = who.dropna(subset="visitor_id").groupby("visitor_id")["person_id"]
    assert by_visitor.nunique().max() == 1
    owner = seen.drop_duplicates("visitor_id").set_index("visitor_id")["customer_id"]
    joined = visits["visitor_id"].map(owner)
    assert 0.3 < joined.notna().mean() < 0.7 and joined.notna().sum() > 2 * len(known)
    assert who["person_id"].isna().any()


def test_web_orders_stand_among_the_visits_and_the_personal_page_draws_clicks():
    company, truth = observed(people=LARGE), hidden(people=LARGE)
    visits = company.web_visits.merge(truth["web_visits"], on="web_visit_id")
    assert visits["visited_at"].max() < company.as_of
    home = visits[visits["page"] == "home"]
    assert visits.loc[visits["page"] != "home", ["variant", "clicked", "click_probability"]].isna().all(axis=None)
    assert visits["product_id"].notna().eq(visits["page"].isin(["product", "basket"])).all()
    for _, group in home.groupby("variant"):
        chance = group["click_probability"]
        assert abs(group["clicked"].astype(int).sum() - chance.sum()) < 4.5 * _sd(chance)
    planted = home.groupby("variant")["click_probability"].mean()
    assert 1.2 < planted["personal"] / planted["standard"] < 1.6
    first = visits["visited_at"].min().normalize()
    orders = company.orders[company.orders["subscription_id"].isna() & company.orders["channel"].eq("web")]
    orders = orders[orders["order_date"].between(first, company.as_of - pd.Timedelta(days=1))]
    orders = orders.merge(truth["records"], on="customer_id")
    baskets = visits[visits["page"] == "basket"].assign(date=lambda frame: frame["visited_at"].dt.normalize())
    pairs = set(zip(baskets["person_id"], baskets["date"], strict=True))
    assert all(pair in pairs for pair in zip(orders["person_id"], orders["order_date"], strict=True))
