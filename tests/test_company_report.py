"""The company report: whole, the same twice, and its figures are those of the tables."""

import hashlib
import re
from html.parser import HTMLParser
from pathlib import Path

import pandas as pd
import pytest

from crmlab.company import draw_assumptions, generate, open_company, truth
from crmlab.company.report import write_report

CUSTOMERS = 1_500
SECTIONS = [
    "orders", "recency", "concentration", "seasonality", "baskets", "returns", "delivery", "leaving", "retention",
    "contacts", "duplicates", "process",
]  # fmt: skip
# What the page must say of a company that lacks something, and where it must say it again.
ABSENT = {
    "segments": ("Absent: segments.", {"orders": "has no segments", "seasonality": "has no segments"}),
    "rules": ("Absent: rules.", {"baskets": "has no rules"}),
    "lift": ("Absent: lift.", {}),
    "leak": ("Absent: leak.", {"leaving": "has no leak"}),
}


class Page(HTMLParser):
    """The texts of a report: ``rows`` by id (here, truth, published), ``sections`` by id, alt texts, all addresses."""

    def __init__(self, path: Path):
        super().__init__()
        self.rows: dict[str, list[str]] = {}
        self.sections: dict[str, str] = {}
        self.text = ""
        self.pictures: list[str] = []
        self.addresses: list[str] = []
        self._section = self._row = None
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attributes):
        named = dict(attributes)
        self.addresses += [named[key] for key in ("src", "href") if key in named]
        if tag == "section":
            self._section = named["id"]
            self.sections[self._section] = ""
        elif tag == "tr":
            self._row = named.get("id")
            if self._row:
                assert self._row not in self.rows
                self.rows[self._row] = []
        elif tag == "td" and self._row:
            self.rows[self._row].append("")
        elif tag == "img":
            self.pictures.append(named["alt"])

    def handle_endtag(self, tag):
        if tag == "section":
            self._section = None

    def handle_data(self, data):
        data = data.replace("\u00a0", " ")
        self.text += data
        if self._section:
            self.sections[self._section] += data
        if self._row and self.rows[self._row]:
            self.rows[self._row][-1] += data.strip("\n")


@pytest.fixture(scope="module")
def company(tmp_path_factory) -> Path:
    # Letters that a glob pattern or SQL would read as something else.
    return generate(CUSTOMERS, 1, tmp_path_factory.mktemp("an owner's [company]") / "made")


@pytest.fixture(scope="module")
def page(company) -> Page:
    return Page(write_report(company))


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _seed_without(absent: str) -> int:
    return next(seed for seed in range(1_000) if draw_assumptions(seed).absent == absent)


def test_same_company_same_bytes(company, page, tmp_path):
    first = _digest(company / "report.html")
    assert _digest(write_report(company)) == first
    assert _digest(write_report(generate(CUSTOMERS, 1, tmp_path / "elsewhere"))) == first


def test_user_plot_settings_change_nothing(company, page):
    import matplotlib

    first = _digest(company / "report.html")
    with matplotlib.rc_context({"font.size": 30, "axes.facecolor": "black", "svg.fonttype": "none"}):
        assert _digest(write_report(company)) == first


def test_all_sections_are_there_and_nothing_is_fetched(page):
    assert list(page.sections) == SECTIONS
    assert all(page.pictures) and len(page.pictures) == 17
    assert all(each.startswith(("#", "data:image/svg+xml;base64,")) for each in page.addresses)
    assert "synthetic" in page.text and "Spoiler" in page.text


def test_header_names_the_company(page):
    assert f"Seed 1, {CUSTOMERS:,} customers" in page.text
    assert "2023-01-01 to 2025-12-31" in " ".join(page.text.split())


def test_row_counts_are_those_of_the_tables(company, page):
    opened, hidden = open_company(company), truth(company)
    for name in opened.tables:
        assert page.rows[f"rows_company_{name}"] == [f"{len(getattr(opened, name)):,}"]
    for name, frame in hidden.items():
        assert page.rows[f"rows_truth_{name}"] == [f"{len(frame):,}"]
    assert {key for key in page.rows if key.startswith("rows_")} == {
        *(f"rows_company_{name}" for name in opened.tables),
        *(f"rows_truth_{name}" for name in hidden),
    }


def test_orders_a_customer(company, page):
    orders = open_company(company).orders.groupby("customer_id").size()
    assert page.rows["orders_mean"][0] == f"{orders.mean():.2f}"
    assert page.rows["orders_variance"][0] == f"{orders.var():.2f}"
    assert page.rows["orders_dispersion"][0] == f"{orders.var() / orders.mean():.2f}"


def test_purchases_by_tendency(company, page):
    opened, hidden = open_company(company), truth(company)
    bought = opened.orders[opened.orders["subscription_id"].isna()]
    person = hidden["records"].set_index("customer_id")["person_id"]
    count = bought["customer_id"].map(person).value_counts()
    people = hidden["tendencies"].set_index("person_id")
    people["purchases"] = count.reindex(people.index, fill_value=0)
    for tendency, group in people.groupby("tendency")["purchases"]:
        assert page.rows[f"tendency_{tendency}"][1].startswith(f"{group.mean():.2f} ({group.var():.2f}), ")


@pytest.mark.parametrize(
    ("key", "kept"),
    [
        ("top_20_share", lambda orders: orders.index >= 0),
        ("top_20_share_purchases", lambda orders: orders["subscription_id"].isna()),
        ("top_20_share_subscriptions", lambda orders: orders["subscription_id"].notna()),
    ],
)
def test_revenue_of_the_top_fifth(company, page, key, kept):
    orders = open_company(company).orders
    revenue = orders[kept(orders)].groupby("customer_id")["amount_cents"].sum().sort_values(ascending=False)
    expected = revenue.head(len(revenue) // 5).sum() / revenue.sum()
    assert page.rows[key][0] == f"{100 * expected:.1f} %"


def test_days_since_last_purchase(company, page):
    opened, hidden = open_company(company), truth(company)
    bought = opened.orders[opened.orders["subscription_id"].isna()].merge(hidden["records"], on="customer_id")
    days = (opened.as_of - bought.groupby("person_id")["order_date"].max()).dt.days
    active = hidden["relationships"].set_index("person_id")["is_active"]
    assert page.rows["median_days"][0] == f"{days.median():.0f}"
    silent = active[days.index[days > 365]]
    assert page.rows["silent_share"][1] == f"{100 * silent.mean():.1f} % of them still active"


def test_season_of_gift_buyers(company, page):
    opened, hidden = open_company(company), truth(company)
    bought = opened.orders[opened.orders["subscription_id"].isna()]
    bought = bought.merge(hidden["records"], on="customer_id").merge(hidden["tendencies"], on="person_id")
    in_season = bought["order_date"].dt.month >= 11
    gift = bought["tendency"] == "gift_buyer"
    assert page.rows["gift_months_gift_buyers"][0] == f"{100 * in_season[gift].mean():.1f} %"
    assert page.rows["gift_months_others"][0] == f"{100 * in_season[~gift].mean():.1f} %"


def test_attach_rate_and_highest_lift(company, page):
    opened, hidden = open_company(company), truth(company)
    lines = opened.order_lines.sort_values("order_line_id")
    anchor = lines.groupby("order_id")["product_id"].first()
    products = opened.products.set_index("product_id")
    anchor = anchor[anchor.map(products["category"]) != "subscription"]
    held = pd.crosstab(lines["order_id"], lines["product_id"]).loc[anchor.index].gt(0)
    rates = []
    for pair in hidden["basket_affinities"].itertuples():
        begun = anchor.index[anchor == pair.anchor_product_id]
        if len(begun) >= 30:
            rates.append(held.loc[begun, pair.attached_product_id].mean())
    assert page.rows["attach_mean"][0] == f"{100 * sum(rates) / len(rates):.1f} %"
    counts = held.astype(int)
    together = counts.T @ counts
    lift = together * len(counts) / (counts.sum().to_numpy()[:, None] * counts.sum().to_numpy()[None, :])
    off_diagonal = [
        lift.loc[one, other] for one in lift for other in lift if one < other and together.loc[one, other] >= 20
    ]
    assert page.rows["lift_top"][0] == f"{max(off_diagonal):,.2f}"


def test_returns(company, page):
    opened = open_company(company)
    came_back = opened.order_lines["order_line_id"].isin(opened.returns["order_line_id"])
    assert page.rows["return_share"][0] == f"{100 * came_back.mean():.2f} %"
    for reason, part in opened.returns["reason"].value_counts(normalize=True).items():
        assert page.rows[f"return_reason_{reason}"][0] == f"{100 * part:.1f} %"


def test_delivery(company, page):
    opened = open_company(company)
    delivered = opened.orders.dropna(subset="delivered_date")
    late = delivered["delivered_date"] > delivered["promised_date"]
    assert page.rows["late_share"][0] == f"{100 * late.mean():.1f} %"
    answered = delivered["order_id"].isin(opened.delivery_ratings["order_id"])
    assert page.rows["answer_rate"][0] == f"{100 * answered.mean():.1f} %"
    assert page.rows["rating_mean"][0] == f"{opened.delivery_ratings['delivery_rating'].mean():.2f}"


def test_leaving_and_retention(company, page):
    opened, hidden = open_company(company), truth(company)
    for cause, part in hidden["relationships"]["exit_cause"].value_counts(normalize=True).items():
        assert page.rows[f"cause_{cause}"][1] == f"{100 * part:.1f} %"
    contracts = opened.subscriptions
    year = pd.Timedelta(days=365)
    seen = contracts[contracts["start_date"] + year <= opened.as_of]
    kept = seen["end_date"].isna() | (seen["end_date"] > seen["start_date"] + year)
    assert page.rows["retention_year_1"][0] == f"{100 * kept.mean():.1f} %"


def test_duplicates(company, page):
    records = truth(company)["records"]
    twice = (records.groupby("person_id").size() > 1).mean()
    assert page.rows["duplicate_share"][1].startswith(f"{100 * twice:.1f} % (")


@pytest.mark.parametrize("absent", ABSENT)
def test_a_null_company_says_what_is_absent(absent, tmp_path):
    page = Page(write_report(generate(600, _seed_without(absent), tmp_path / "company")))
    said, in_sections = ABSENT[absent]
    assert said in page.text
    for section, words in in_sections.items():
        assert words in page.sections[section]
    if absent == "rules":
        assert page.rows["attach_planted"][1].startswith("0 of ")
    assert list(page.sections) == SECTIONS


def test_a_company_with_everything_says_nothing_is_absent(page):
    assert "Nothing is absent" in page.text
    assert "Absent:" not in page.text and "has no " not in page.text


@pytest.mark.parametrize(("customers", "seed"), [(1, 1), (30, 3), (200, 27)])
@pytest.mark.filterwarnings("error::RuntimeWarning")
def test_a_small_company_has_a_page_without_holes(customers, seed, tmp_path):
    page = Page(write_report(generate(customers, seed, tmp_path / "company")))
    assert list(page.sections) == SECTIONS
    everything = page.text + " ".join(page.pictures)
    assert not re.search(r"\b(nan|NaN|inf|None|NaT)\b", everything)


def test_page_has_no_hole(page):
    assert not re.search(r"\b(nan|NaN|inf|None|NaT)\b", page.text + " ".join(page.pictures))


def test_what_is_no_company_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="expected a company"):
        write_report(tmp_path)


def test_an_interrupted_run_leaves_the_old_page(company, page, monkeypatch):
    before = _digest(company / "report.html")

    def interrupt(self, target):
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_report(company)
    assert _digest(company / "report.html") == before
    assert sorted(each.name for each in company.iterdir()) == ["company", "company.json", "report.html", "truth"]
