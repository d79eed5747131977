"""The exit survey: who is asked, who answers, and what the answers have to do with the truth."""

from __future__ import annotations

import pandas as pd
import pytest
from companies import hidden, observed

from crmlab.company.exit_survey import CAUSES, REASONS, SILENT_DAYS

PEOPLE = 20_000


def asked(**which) -> pd.DataFrame:
    """Each row of the survey with the person behind it and the true cause on the day of asking."""
    truth = hidden(**which)
    both = observed(**which).exit_reasons.merge(truth["records"], on="customer_id")
    both = both.merge(truth["relationships"], on="person_id")
    left = both["exit_date"] < both["asked_date"]
    return both.assign(cause=both["exit_cause"].where(left).fillna("not_left").astype(str))


def test_each_person_is_asked_once_after_half_a_year_of_silence():
    survey, company = asked(), observed()
    assert survey["person_id"].is_unique
    orders = company.orders.merge(hidden()["records"], on="customer_id")[["person_id", "order_date"]]
    both = survey.merge(orders, on="person_id")
    before = (
        both[both["order_date"] <= both["asked_date"]]
        .groupby("person_id")
        .agg(last=("order_date", "max"), asked=("asked_date", "first"))
    )
    assert ((before["asked"] - before["last"]).dt.days == SILENT_DAYS).all()
    assert len(before) == len(survey)


def test_only_who_permits_e_mail_is_asked_and_nobody_after_opting_out():
    company = observed()
    points = company.contact_points.query("kind == 'email'")
    consents = company.consents.query("kind == 'email'")
    consents = consents.assign(value=consents["value"].str.lower())
    confirmed = consents[consents["action"] == "confirmed_opt_in"].groupby("value")["consent_date"].min()
    both = company.exit_reasons.merge(points, on="customer_id")
    both["confirmed"] = both["value"].str.lower().map(confirmed)
    assert (both["confirmed"] <= both["asked_date"]).groupby(both["exit_survey_id"]).any().all()
    responses = company.campaign_responses.query("reaction == 'opted_out'").merge(
        company.campaign_contacts, on="campaign_contact_id"
    )
    gone = responses.groupby("customer_id")["response_date"].min()
    out = company.exit_reasons["customer_id"].map(gone)
    assert not (out <= company.exit_reasons["asked_date"]).any()


def test_an_answer_has_a_date_and_a_reason():
    survey = observed().exit_reasons
    assert (survey["answered_date"].isna() == survey["reason"].isna()).all()
    assert (survey["answered_date"].dropna() > survey["asked_date"][survey["answered_date"].notna()]).all()
    assert set(survey["reason"].dropna()) <= set(REASONS)
    assert survey["asked_date"].is_monotonic_increasing


def test_answers_follow_the_planted_shares():
    survey = asked(people=PEOPLE)
    planted = hidden(people=PEOPLE)["exit_survey"].set_index("cause")
    assert list(planted.index) == list(CAUSES)
    # Who was asked in the last days had no time to answer.
    survey = survey[survey["asked_date"] < observed(people=PEOPLE).as_of - pd.Timedelta(days=20)]
    for cause, rows in survey.groupby("cause"):
        answers = rows["reason"].dropna()
        assert len(answers) / len(rows) == pytest.approx(planted.loc[cause, "answer_share"], abs=0.06)
        for reason in REASONS:
            said = planted.loc[cause, f"said_{reason}"]
            assert (answers == reason).mean() == pytest.approx(said, abs=4 * (said / len(answers)) ** 0.5 + 0.01)
    said = planted[[f"said_{reason}" for reason in REASONS]]
    assert said.sum(axis=1).to_numpy() == pytest.approx(1, abs=1e-3)


def test_the_annoyed_weigh_more_among_the_answers_than_among_those_who_left():
    survey = asked(people=PEOPLE)
    left = survey[survey["cause"] != "not_left"]
    answers = left.dropna(subset="reason")
    assert (answers["cause"] == "service").mean() > 1.4 * (left["cause"] == "service").mean()


def test_where_nothing_leaks_nobody_left_for_service_or_price():
    survey = asked(absent="leak")
    assert set(survey["cause"]) == {"need_ended", "not_left"}
